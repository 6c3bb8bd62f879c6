"""How far each chain had come, noted outside the database: a chain whose end was cut off is shorter.

One small file beside the erasure ledger, rewritten whole and renamed: schema, chain, links, hash. After a
restore the chains are as old as the backup, and this says by how much.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

Heads = dict[str, dict[str, tuple[int, str]]]
"""Schema to chain to (links, hash of the last one in hexadecimal)."""


def read() -> Heads:
    """Return what was noted; empty when nothing was."""
    try:
        said = json.loads(_path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {
        schema: {chain: (int(links), str(mark)) for chain, (links, mark) in chains.items()}
        for schema, chains in said.items()
    }


def note(*, schema: str, heads: Mapping[str, tuple[int, str]]) -> None:
    """Note the heads of one schema, in place of the earlier ones."""
    with _locked():
        known = read()
        known[schema] = dict(heads)
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
