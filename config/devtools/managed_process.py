"""A command that ends when the process that started it ends, even by SIGKILL.

`ManagedProcess` is the caller's side. It runs this file as a script, which runs the command:

    python managed_process.py <parent's pid> <command> [arguments]

The script's standard input is a pipe whose other end only the parent has open. When the parent closes it, or
ends, the script sends SIGTERM to the command's process group, and SIGKILL to what is left of the group after
ten seconds. The exit code is the command's; after a signal it is 128 plus the signal's number.
Standard library only: the script starts without site-packages.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

GRACE_SECONDS = 10
ROOT = Path(__file__).resolve().parents[2]


class ManagedProcess:
    """A running command that ends when the block ends, or when this process does."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        """Start the command in the project's folder; its output is appended to the file `output`."""
        self.command = list(command)
        self._log: IO[bytes] | None = output.open("ab") if output else None
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C reaches the parent, which ends its processes in order
        )

    def ended(self) -> bool:
        """Whether the command has ended by itself."""
        return self.process.poll() is not None

    def release(self) -> None:
        """Ask the command to end, without waiting for it."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def close(self) -> None:
        """Ask the command to end and wait until it has ended."""
        self.release()
        self.process.wait()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            break
    # The leader has ended; the other processes of its group get the same time.
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _is_parent_alive(parent: int) -> bool:
    if os.getppid() != parent:
        return False
    readable, _, _ = select.select([0], [], [], 0.2)
    return not readable  # nothing is ever written: only the end of the pipe makes it readable


def main(parent: int, command: list[str]) -> int:
    """Watch the parent and the command until one of them ends; return the exit code."""
    received: list[int] = []
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda number, _frame: received.append(number))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    while process.poll() is None and not received and _is_parent_alive(parent):
        pass
    _end_group(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
