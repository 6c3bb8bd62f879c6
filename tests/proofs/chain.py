"""Proof: who owns the database can neither forge nor cut what a practice has recorded.

Practices record acts and erasures; the product seals them, verifies the chains and records their heads, as its
workers do every minute and every night. Then the owner's login alters the tables of each practice in one way:
cuts the end of a chain, cuts it and lets the practice go on, or forges an act and computes the links after it anew
without the tenant's key. After another night `verify_receipts` must name each altered chain and no other.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.proofs.child_process import run_module
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace, wrap

EVENTS = 12
YOUNG = 6
"""Events after the first night, whose head is not recorded yet."""


# --- The guards ---------------------------------------------------------------------------------------


def plain_code(prev_hash: bytes, event: Any) -> bytes:
    """Return the link that everybody can compute."""
    body = f"{event.pk}|{event.actor}|{event.verb}|{event.ref.hex}|{event.at.isoformat()}"
    return hashlib.sha256(prev_hash + body.encode()).digest()


def _chain_without_a_key() -> None:
    from tenants.audit import chain

    replace(chain, "link_code", plain_code)


def _ignore(finding: str) -> Callable[[], None]:
    def remove() -> None:
        from tenants.audit import verification

        def find(call: Any, arguments: Any) -> Any:
            found = call()
            return None if found == finding else found

        wrap(verification, "_finding", find)

    return remove


GUARDS: Mapping[str, Guard] = {
    "key": Guard("a link is a code under the tenant's key", process=_chain_without_a_key),
    "length": Guard("a chain has at least as many links as recorded", process=_ignore("cut")),
    "place": Guard("the recorded head stands at its place", process=_ignore("differs")),
}


# --- The practices --------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlteredPractice:
    """A practice, what is done to it, and the chain that differs afterwards."""

    unit: Any
    how: str
    count: int

    @property
    def chain(self) -> str:
        """The name of the altered chain."""
        return "receipts" if self.how == "cut receipts" else "events"


def _write(unit: Any, count: int) -> None:
    from tenants.audit import receipts
    from tenants.audit.services import record
    from tenants.schema import inside

    now = datetime.now(UTC)
    with inside(unit):
        for _number in range(count):
            record(verb="proof.act", ref=uuid.uuid4(), actor="user:1", now=now)
        receipts.write_many(
            subjects=[(uuid.uuid4(), "ab" * 32)] * count,
            kind="proof",
            rule="proof",
            fields="sealed",
            now=now,
        )


def _work(environment: ProofEnvironment, *, night: bool) -> int:
    """Seal every practice in a process of the product, and do the work of the night; return its exit code."""
    arguments = ["night"] if night else []
    return run_module(
        "tests.proofs.seal_events", *arguments, variables=environment.variables
    ).returncode


def _verify(environment: ProofEnvironment) -> list[str]:
    done = run_module(
        "tests.proofs.product_command", "verify_receipts", variables=environment.variables
    )
    return done.stdout.splitlines()


# --- The attacks, by the owner's login ------------------------------------------------------------


def _cut(environment: ProofEnvironment, schema: str, tables: tuple[str, ...], count: int) -> None:
    for table in tables:
        environment.owner(
            f"DELETE FROM {schema}.{table} WHERE id IN"
            f" (SELECT id FROM {schema}.{table} ORDER BY id DESC LIMIT {count})"
        )


def _forge(environment: ProofEnvironment, unit: Any, last: int) -> None:
    """Alter the act that is the ``last``-th from the end, and compute the links from there on anew."""
    from tenants.audit.models import AuditEvent, AuditSeal
    from tenants.schema import inside

    schema = unit.schema
    with inside(unit):
        seals = list(AuditSeal.objects.order_by("-id")[:last])[::-1]
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in seals])
    events[seals[0].event_id].actor = "user:999"
    prev, fresh = bytes(seals[0].prev_hash), []
    for seal in seals:
        code = plain_code(prev, events[seal.event_id])
        fresh.append((prev, code, seal.pk))
        prev = code
    environment.owner(
        f"UPDATE {schema}.audit_auditevent SET actor = 'user:999' WHERE id = %s",
        [seals[0].event_id],
    )
    # The last link first: two links with one previous hash are refused.
    for values in reversed(fresh):
        environment.owner(
            f"UPDATE {schema}.audit_auditseal SET prev_hash = %s, hash = %s WHERE id = %s",
            list(values),
        )


def _alter(environment: ProofEnvironment, practice: AlteredPractice) -> None:
    schema, events = practice.unit.schema, ("audit_auditevent", "audit_auditseal")
    if practice.how == "cut receipts":
        _cut(environment, schema, ("audit_receipt",), YOUNG + practice.count)
    elif practice.how == "forged":
        _forge(environment, practice.unit, practice.count)
    else:
        _cut(environment, schema, events, YOUNG + practice.count)
    if practice.how == "cut and grown":
        _write(practice.unit, YOUNG + 2 * practice.count)


def _practices(environment: ProofEnvironment, *, short: bool) -> list[AlteredPractice]:
    counts = (1, 3) if short else tuple(range(1, YOUNG + 1))
    return [
        AlteredPractice(environment.add_tenant(f"chain-{number}.lib-rdv.localhost"), how, count)
        for number, (how, count) in enumerate(
            (how, count)
            for how in ("cut", "cut receipts", "cut and grown", "forged", "untouched")
            for count in counts
        )
    ]


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Record acts, alter them, and let the product find it; return the report."""
    counter = CaseCounter(GUARDS[sabotage] if sabotage else None)
    with open_environment(proof="chain", sabotage=sabotage) as environment:
        practices = _practices(environment, short=short)
        for practice in practices:
            _write(practice.unit, EVENTS)
        counter.control(("first night",), failed=_work(environment, night=True) != 0)
        for practice in practices:
            _write(practice.unit, YOUNG)
        counter.control(("sealed",), failed=_work(environment, night=False) != 0)
        shown = _verify(environment)
        whole = [line for line in shown if line.endswith("links, intact")]
        counter.control(("all whole",), failed=len(whole) != len(shown), seen=shown[:5])
        for practice in practices:
            if practice.how != "untouched":
                _alter(environment, practice)
        # Without a guard the night may fail: a head would get shorter.
        _work(environment, night=True)
        shown = _verify(environment)
        for practice in practices:
            start = f"{practice.unit.schema} {practice.chain}: "
            (line,) = [text for text in shown if text.startswith(start)]
            is_whole = line.endswith("links, intact")
            case = (practice.how, practice.count)
            if practice.how == "untouched":
                counter.control(case, failed=not is_whole, seen=line)
            else:
                counter.count(practice.how, case, failed=is_whole, seen=line)
        return counter.report("chain")
