"""The chain heads, recorded outside the database: a truncated chain has fewer links than recorded.

One JSON file beside the erasure ledger maps schema and chain to number of links and last hash. Each write
replaces the file by a rename. After a restore, the difference shows how many links the backup lacks.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

ChainHeads = dict[str, dict[str, tuple[int, str]]]
"""Schema to chain to (number of links, hash of the last link in hexadecimal)."""


def read() -> ChainHeads:
    """Return the recorded heads; an empty dict when the file does not exist."""
    try:
        stored = json.loads(_path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {
        schema: {
            chain: (int(links), str(last_hash)) for chain, (links, last_hash) in chains.items()
        }
        for schema, chains in stored.items()
    }


def record(*, schema: str, chain_heads: Mapping[str, tuple[int, str]]) -> None:
    """Replace the recorded heads of one schema, under an exclusive file lock."""
    with _locked():
        known = read()
        known[schema] = dict(chain_heads)
        path = _path()
        fresh = path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(known, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def _path() -> Path:
    return Path(settings.ERASURE_LEDGER).with_suffix(".heads")


@contextmanager
def _locked() -> Iterator[None]:
    path = _path().with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
