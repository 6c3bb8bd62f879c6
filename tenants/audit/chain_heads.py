"""The chain heads, recorded outside the database, so that its owner can neither shorten nor rewrite a chain.

A folder beside the erasure ledger has one file per schema. A line holds chain, number of links, last hash and
instant, and is only ever appended: a head is never replaced by one with fewer links. The file ``alarms`` says
which chains differ from their heads, and when one is as recorded again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from tenants import append_only

ALARMS = "alarms"
"""Not a name of a schema: schemas are ``public`` and ``t_...``."""


class Reason(StrEnum):
    """Why a head was recorded."""

    VERIFIED = "verified"
    """The daily job has verified the chain and its earlier heads."""
    ACCEPTED = "accepted"
    """A person, or ``restore``, has accepted the chain as it is; it may be shorter than before."""
    REKEYED = "rekeyed"
    """Accepted too, and the key of the earlier links is lost: their codes cannot be checked any more."""


@dataclass(frozen=True)
class ChainHead:
    """The end of a chain at an aware instant: number of links since genesis, hash of the last link."""

    links: int
    last_hash: bytes
    at: datetime
    reason: Reason = Reason.VERIFIED


@dataclass(frozen=True)
class Recorded:
    """What is recorded of one chain: the latest head, and the latest at which its key changed."""

    head: ChainHead | None = None
    rekeyed: ChainHead | None = None


def read(schema: str) -> dict[str, Recorded]:
    """Return what is recorded of the chains of one schema; nothing when its file does not exist."""
    found: dict[str, Recorded] = {}
    for line in _lines(folder() / schema):
        parsed = _head(line)
        if parsed is not None:
            chain, head = parsed
            rekeyed = head if head.reason == Reason.REKEYED else None
            known = found.get(chain, Recorded())
            found[chain] = Recorded(head, rekeyed or known.rekeyed)
    return found


def record(*, schema: str, chain: str, head: ChainHead) -> None:
    """Append a head. Raises ValueError when a verified head has fewer links than the one before it."""
    known = read(schema).get(chain, Recorded()).head
    if known is not None and head.reason == Reason.VERIFIED and head.links < known.links:
        raise ValueError("a chain does not get shorter")
    if known is not None and (known.links, known.last_hash, known.reason) == (
        head.links,
        head.last_hash,
        head.reason,
    ):
        return
    _append(
        folder() / schema,
        chain=chain,
        links=head.links,
        hash=head.last_hash.hex(),
        at=head.at.isoformat(),
        reason=head.reason.value,
    )


def raise_alarm(*, schema: str, chain: str, finding: str, at: datetime) -> None:
    """Record that a chain differs from its heads, unless this is recorded already."""
    if alarms().get((schema, chain)) != finding:
        _append(folder() / ALARMS, schema=schema, chain=chain, finding=finding, at=at.isoformat())


def end_alarm(*, schema: str, chain: str, at: datetime) -> None:
    """Record that the chain is as recorded again, when an alarm was raised for it."""
    if (schema, chain) in alarms():
        _append(folder() / ALARMS, schema=schema, chain=chain, finding="", at=at.isoformat())


def alarms() -> dict[tuple[str, str], str]:
    """Return the chains that differ from their heads: (schema, chain) to the finding."""
    found: dict[tuple[str, str], str] = {}
    for line in _lines(folder() / ALARMS):
        chain = (str(line.get("schema", "")), str(line.get("chain", "")))
        if finding := str(line.get("finding", "")):
            found[chain] = finding
        else:
            found.pop(chain, None)
    return found


def folder() -> Path:
    """Return the folder of the recorded heads, beside the erasure ledger."""
    return Path(settings.ERASURE_LEDGER).with_suffix(".heads")


def _append(path: Path, **fields: str | int) -> None:
    append_only.append(path, json.dumps(fields, separators=(",", ":")).encode() + b"\n")


def _lines(path: Path) -> Iterator[dict[str, object]]:
    """Yield the lines of a file; skips a line that a crash truncated."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if isinstance(parsed, dict):
            yield parsed


def _head(line: dict[str, object]) -> tuple[str, ChainHead] | None:
    try:
        return str(line["chain"]), ChainHead(
            links=int(str(line["links"])),
            last_hash=bytes.fromhex(str(line["hash"])),
            at=datetime.fromisoformat(str(line["at"])),
            reason=Reason(str(line["reason"])),
        )
    except (ValueError, KeyError):
        return None
