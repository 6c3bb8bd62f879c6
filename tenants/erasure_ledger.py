"""The erasure ledger: one line per erasure, in a file outside the database, replayed after a restore.

A line holds schema, table, SHA-256 of the row's ref and instant, no personal data: refs are 128 random
bits, so their hash cannot be reversed. It is appended and synced before the erasing transaction commits.
Replaying a line whose transaction did not commit erases a row that was due anyway.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tenants import append_only
from tenants.schema import current_schema


@dataclass(frozen=True)
class LedgerLine:
    """One line of the ledger; ``at`` is an aware instant."""

    schema: str
    table: str
    ref_hash: str
    at: datetime


def ref_hash(*, schema: str, table: str, ref: UUID) -> str:
    """Return SHA-256 of schema, table and ref of a row: 64 hexadecimal digits."""
    return hashlib.sha256(f"{schema}|{table}|".encode() + ref.bytes).hexdigest()


def append(*, table: str, ref: UUID, now: datetime) -> None:
    """Append and sync the line of one row of the current schema."""
    append_many(table=table, refs=[ref], now=now)


def append_many(*, table: str, refs: Iterable[UUID], now: datetime) -> None:
    """Append the lines of several rows of the current schema with a single sync."""
    schema = current_schema()
    lines = [
        json.dumps(
            {
                "schema": schema,
                "table": table,
                "ref": ref_hash(schema=schema, table=table, ref=ref),
                "at": now.isoformat(),
            },
            separators=(",", ":"),
        )
        for ref in refs
    ]
    if lines:
        append_only.append(
            Path(settings.ERASURE_LEDGER), "".join(f"{line}\n" for line in lines).encode()
        )


def read() -> Iterator[LedgerLine]:
    """Yield the lines; skips a line that a crash truncated, since its transaction did not commit."""
    path = Path(settings.ERASURE_LEDGER)
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for text in file:
            line = _parse(text)
            if line is not None:
                yield line


def erased_hashes() -> dict[tuple[str, str], set[str]]:
    """Return the hashes of every erased row, by (schema, table)."""
    found: dict[tuple[str, str], set[str]] = {}
    for line in read():
        found.setdefault((line.schema, line.table), set()).add(line.ref_hash)
    return found


def _parse(text: str) -> LedgerLine | None:
    try:
        fields = json.loads(text)
        at = datetime.fromisoformat(fields["at"])
        return LedgerLine(
            schema=fields["schema"], table=fields["table"], ref_hash=fields["ref"], at=at
        )
    except (ValueError, KeyError, TypeError):
        return None
