"""Runs one command for its parent and ends it when the parent ends, even by SIGKILL.

    python leash.py <parent's pid> <command> [arguments]

Standard input is a pipe that only the parent holds. The command is the leader of a group of its
own; the whole group gets SIGTERM, and SIGKILL when it has not ended after ten seconds. The exit
code is the command's. Standard library only.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

PATIENCE_SECONDS = 10


def _end(process: "subprocess.Popen[bytes]") -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
            break
    # The leader is gone; whatever of its group is not had the same time to end.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _parent_holds_on(parent: int) -> bool:
    if os.getppid() != parent:
        return False
    readable, _, _ = select.select([0], [], [], 0.2)
    return not readable  # only the end of the pipe makes it readable: nothing is ever written


def main(parent: int, command: list[str]) -> int:
    """Watch the parent and the command until one of them ends."""
    asked: list[int] = []
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda number, _frame: asked.append(number))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    while process.poll() is None and not asked and _parent_holds_on(parent):
        pass
    _end(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
