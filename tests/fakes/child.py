"""A process that prints what it was given, waits, ignores SIGTERM, or writes to a descriptor."""

import json
import os
import signal
import sys

EXIT_CODE = 7


def _show() -> int:
    shown = {
        "arguments": sys.argv[1:],
        "variables": dict(os.environ),
        "input": sys.stdin.read(),
    }
    print(json.dumps(shown))
    print("an error line", file=sys.stderr)
    return EXIT_CODE


def _wait() -> int:
    print("ready", flush=True)
    signal.pause()
    return 0


def _ignore() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        _wait()


def _write() -> int:
    os.write(int(sys.argv[2]), b"written")
    return 0


if __name__ == "__main__":
    actions = {"show": _show, "wait": _wait, "ignore": _ignore, "write": _write}
    sys.exit(actions[sys.argv[1]]())
