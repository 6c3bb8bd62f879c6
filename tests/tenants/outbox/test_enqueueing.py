"""A message to the broker leaves after the commit: its worker must find what was committed.

So actors are sent from ``actors.py`` and ``tasks.py`` only, which hold no transaction, and elsewhere through
``enqueue_on_commit``, which takes the function without calling it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from tenants.schema import Unit, enqueue_on_commit, inside

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("api", "billing", "booking", "compliance", "config", "tenants")
SENDING = {"send", "send_with_options"}
OTHERS = {
    ("booking/google/cancellation_message.py", "appointment_delivery"): "hands a message over",
    ("booking/notifications/appointment_delivery.py", "gateway"): "the gateway of SMS",
    ("booking/notifications/waiting_delivery.py", "gateway"): "the gateway of SMS",
    ("compliance/retention/alerts.py", "mail"): "Django's e-mail",
    ("config/catch_up.py", "duty"): "when a worker starts, outside any unit",
    ("tenants/broker.py", "self.actor"): "the actor itself",
    ("tenants/email_transport.py", "mail"): "Django's e-mail",
    ("tenants/http_gateway.py", "super()"): "the session of requests",
}
"""Calls of a method of this name outside the actors, and what they are."""


def sources() -> Iterator[Path]:
    """Return the modules that may not send."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if path.name not in {"actors.py", "tasks.py"}:
                yield path


def sends_in(text: str) -> set[str]:
    """Return the receiver of each call of ``send``."""
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {
        ast.unparse(call.value)
        for call in calls
        if isinstance(call, ast.Attribute) and call.attr in SENDING
    }


def test_actors_are_sent_after_the_commit_only() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), receiver)
        for path in sources()
        for receiver in sends_in(path.read_text(encoding="utf-8"))
    }

    assert found == set(OTHERS)


def test_no_query_relies_on_the_spelling_of_a_kind() -> None:
    lookup = re.compile(
        r"\bkind__(?!in\b)\w+|\bkind LIKE|\bkind\.(startswith|split|rsplit|partition)"
    )

    assert [
        path
        for path in (*sources(), *ROOT.glob("*/**/actors.py"))
        if lookup.search(path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize(
    ("text", "receivers"),
    [
        ("poll.send(schema, ref)", {"poll"}),
        ("actors.poll.send_with_options(args=())", {"actors.poll"}),
        ("lambda: poll.send(schema)", {"poll"}),
        ("enqueue_on_commit(poll.send, schema, ref)", set()),
    ],
)
def test_the_scan_sees_calls_and_not_functions(text: str, receivers: set[str]) -> None:
    assert sends_in(text) == receivers


def test_what_is_enqueued_waits_for_the_real_commit(committed_tenant) -> None:
    unit: Unit = committed_tenant("enqueue")
    calls: list[tuple[str, bool]] = []

    def enqueue(name: str) -> None:
        calls.append((name, connection.in_atomic_block))

    with inside(unit):
        enqueue_on_commit(enqueue, "kept")
        assert calls == []

    assert calls == [("kept", False)]


def test_what_is_rolled_back_enqueues_nothing(committed_tenant) -> None:
    unit: Unit = committed_tenant("enqueue")
    calls: list[str] = []

    with inside(unit):
        enqueue_on_commit(calls.append, "lost")
        transaction.set_rollback(True)

    assert calls == []
