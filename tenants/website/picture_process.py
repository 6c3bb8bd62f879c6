"""Re-encodes an uploaded picture in a process of its own, one at a time on the machine.

Decoding takes up to a few hundred megabytes and seconds of a core: a process gives the memory back, leaves the
interpreter of the pages free, has a lower priority, and ends at its limits of memory and time. It has no
environment variable, so no key and no address of the database (ADR 65).

Run as a program it reads a picture from the standard input and writes the two sizes to the standard output.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, Final

from tenants.website import pictures
from tenants.website.errors import UnusablePicture
from tenants.website.pictures import Encoded, EncodedSize

PHOTO, LOGO = "photo", "logo"
SECONDS: Final = 20
MOST_MEMORY: Final = 768 * 1024 * 1024
"""The limit of the process's address space in bytes, libraries included."""
NICENESS: Final = 15
"""Added to the priority number of the process before it imports anything; 19 is the lowest priority."""
_PROGRAM: Final = (
    f"import os; os.nice({NICENESS}); import runpy;"
    f" runpy.run_module({__name__!r}, run_name='__main__')"
)
_REFUSED: Final = 3
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


def encode(kind: str, file: BinaryIO) -> Encoded:
    """Return both sizes of a photo or a logo.

    Raises UnusablePicture, and NoPlaceFree while another picture is encoded (`tenants.busy` answers 503).
    """
    # Imported here: the program that this module also is works without Django.
    from tenants.concurrency_limit import ConcurrencyLimit

    data = file.read(pictures.MOST_BYTES + 1)
    if len(data) > pictures.MOST_BYTES:
        raise UnusablePicture(pictures.TOO_HEAVY)
    limit = ConcurrencyLimit("pictures", holders=1, waiters=1, wait_seconds=2)
    with limit.enter():
        return _in_process(kind, data)


def _in_process(kind: str, data: bytes) -> Encoded:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, kind],
            input=data,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            cwd=_ROOT,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise UnusablePicture(pictures.TOO_MANY_PIXELS) from None
    if done.returncode == _REFUSED:
        raise UnusablePicture(done.stdout.decode())
    if done.returncode != 0:
        # Ended by its limit of memory or time, or by an error of a decoder.
        raise UnusablePicture(pictures.TOO_MANY_PIXELS)
    return _unpack(done.stdout)


def _pack(encoded: Encoded) -> bytes:
    sizes = (encoded.large, encoded.small)
    head = [(len(size.data), size.width, size.height, size.media_type) for size in sizes]
    return json.dumps(head).encode() + b"\n" + encoded.large.data + encoded.small.data


def _unpack(written: bytes) -> Encoded:
    head, _, data = written.partition(b"\n")
    (count, *large), (_count, *small) = json.loads(head)
    return Encoded(large=EncodedSize(data[:count], *large), small=EncodedSize(data[count:], *small))


def main() -> int:
    """Encode the picture of the standard input; return the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    encoder = pictures.encode_photo if sys.argv[1] == PHOTO else pictures.encode_logo
    try:
        written = _pack(encoder(sys.stdin.buffer))
    except UnusablePicture as refused:
        sys.stdout.write(refused.reason)
        return _REFUSED
    sys.stdout.buffer.write(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
