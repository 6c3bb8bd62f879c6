"""Verifies the chains of a schema against their keys and against the heads recorded outside the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tenants.audit import chain, chain_heads, receipts
from tenants.audit.chain import Verdict
from tenants.audit.chain_heads import ChainHead, Reason, Recorded
from tenants.audit.checkpoints import GENESIS, count_links
from tenants.audit.models import AuditSeal, Receipt
from tenants.keyring.models import TenantKey
from tenants.schema import current_schema

RECORDED_WITHIN = timedelta(days=2)
"""The daily job records the heads of a new schema; later, a missing record has been removed."""


class Finding(StrEnum):
    """What is wrong with a chain."""

    BROKEN = "broken"
    CUT = "cut"
    DIFFERS = "differs"
    UNRECORDED = "unrecorded"


@dataclass(frozen=True)
class ChainReport:
    """The verdict on one chain of a schema, what was recorded of it, and the finding, None when it is whole."""

    name: str
    verdict: Verdict
    recorded: Recorded
    finding: Finding | None

    @property
    def text(self) -> str:
        """The finding in words, with its place."""
        head = self.recorded.head
        noted = head.links if head else 0
        texts = {
            None: "intact",
            Finding.BROKEN: f"BROKEN at {self.verdict.broken_at}",
            Finding.CUT: f"CUT: {noted} links were recorded",
            Finding.DIFFERS: f"DIFFERS: another link {noted} was recorded",
            Finding.UNRECORDED: f"UNRECORDED: no head in {chain_heads.folder().name}",
        }
        return texts[self.finding]


def verify_chains(*, now: datetime) -> list[ChainReport]:
    """Verify both chains of the current schema."""
    recorded = chain_heads.read(current_schema())
    since = TenantKey.objects.values_list("created_at", flat=True).first()
    is_old = since is not None and since < now - RECORDED_WITHIN
    reports = []
    for name, verify in (("receipts", receipts.verify), ("events", chain.verify_events)):
        known = recorded.get(name, Recorded())
        verdict = verify(known)
        finding = _finding(verdict, known.head, is_old=is_old)
        reports.append(ChainReport(name, verdict, known, finding))
    return reports


def record_chain_heads(reports: list[ChainReport], *, reason: Reason, now: datetime) -> None:
    """Record the heads of the whole chains of the current schema, and end their alarms."""
    schema = current_schema()
    for report in reports:
        if report.finding is None:
            head = ChainHead(report.verdict.links, report.verdict.head, now, reason)
            chain_heads.record(schema=schema, chain=report.name, head=head)
            chain_heads.end_alarm(schema=schema, chain=report.name, at=now)


def accept_chains(*, now: datetime) -> list[ChainReport]:
    """Record the heads of the chains as they are, shorter ones too; a broken chain is not accepted.

    For a restored backup, whose chains end earlier than recorded, or for a lost file of heads.
    """
    recorded = chain_heads.read(current_schema())
    reports = []
    for name, verify in (("receipts", receipts.verify), ("events", chain.verify_events)):
        known = Recorded(None, recorded.get(name, Recorded()).rekeyed)
        verdict = verify(known)
        finding = None if verdict.is_intact else Finding.BROKEN
        reports.append(ChainReport(name, verdict, known, finding))
    record_chain_heads(reports, reason=Reason.ACCEPTED, now=now)
    return reports


def record_new_key(*, now: datetime) -> None:
    """Record where the chains of the current schema stand when its key is lost and replaced by another one.

    The codes of earlier links cannot be checked any more; those of later ones can. Called by a restore without
    keys, before it writes.
    """
    for name, model in (("receipts", Receipt), ("events", AuditSeal)):
        last = model.objects.order_by("-id").values_list("hash", flat=True).first()
        if last is not None:
            head = ChainHead(count_links(name), bytes(last), now, Reason.REKEYED)
            chain_heads.record(schema=current_schema(), chain=name, head=head)


def _finding(verdict: Verdict, head: ChainHead | None, *, is_old: bool) -> Finding | None:
    if verdict.broken_at is not None:
        return Finding.BROKEN
    if head is None:
        is_missing = is_old and verdict.head != GENESIS
        return Finding.UNRECORDED if is_missing else None
    if verdict.links < head.links:
        return Finding.CUT
    return Finding.DIFFERS if verdict.differs_at is not None else None
