"""A process that says what it is, waits to be ended, will not be ended, or writes where it is told to."""

import json
import os
import signal
import sys
from pathlib import Path

OURS = {"tenants", "booking", "compliance", "billing", "api", "django.conf"}
EXIT_CODE = 7


def _show() -> int:
    said = {
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "input": sys.stdin.read(),
        "leads": os.getpgrp() == os.getsid(0) == os.getpid(),
        "libraries": {"icalendar", "psycopg2", "dramatiq.cli"} <= set(sys.modules),
        "ours": sorted(OURS & {name.partition(".")[0] for name in sys.modules}),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
    }
    print(json.dumps(said))
    print("aside", file=sys.stderr)
    return EXIT_CODE


def _wait() -> int:
    print("up", flush=True)
    signal.pause()
    return 0


def _stay() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        _wait()


def _write() -> int:
    os.write(int(sys.argv[2]), b"told")
    return 0


if __name__ == "__main__":
    sys.exit({"show": _show, "wait": _wait, "stay": _stay, "write": _write}[sys.argv[1]]())
