"""Processes of the product that a proof starts, kills and starts again.

A `ChildProcess` runs ``python -m module``. It leads a process group and a session of its own, so that one signal
reaches it together with the workers that it forks. On Linux the kernel sends it SIGTERM when the thread that
started it ends: that thread must live as long as the process.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
_PDEATHSIG = 1  # PR_SET_PDEATHSIG of prctl(2)


class ChildProcess:
    """One running ``python -m module``; it is stopped when the block ends."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        variables: Mapping[str, str],
        output: IO[bytes],
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start it in the project's folder with these environment variables and no others.

        Standard output and error go to ``output``; the descriptors ``pass_fds`` keep their numbers.
        """
        command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command],
            cwd=ROOT,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs, the negative signal number after a signal."""
        return self._process.poll()

    def signal_group(self, signum: int) -> None:
        """Send its whole group a signal; nothing happens when it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signum)

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it has ended; return its exit code. TimeoutExpired after ``seconds``."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Ask it to end and wait until it has; after ten seconds its group is killed."""
        if self.returncode is None:
            self._process.terminate()
        try:
            self.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL to its whole group and wait until it has ended."""
        self.signal_group(signal.SIGKILL)
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def run_module(
    module: str, *arguments: str, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m module`` to its end; return its exit code, standard output and standard error."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=ROOT,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _become(parent: int, command: Sequence[str]) -> None:
    """Have the kernel send SIGTERM when the parent ends, then replace this process by the command."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], list(command))


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
