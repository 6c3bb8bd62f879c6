"""The worker issues each requested draft once, whatever happens to it on the way."""

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from billing.clients.models import Client
from billing.invoicing import documents, series, services
from billing.invoicing.errors import AlreadyIssued
from billing.invoicing.models import Draft, Invoice
from tenants.outbox.delivery import deliver_entry, is_slow
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, inside
from tests.conftest import owner_cursor
from tests.ledger import NOW, draw_nothing, empty_ledger, make_buyer, make_draft, open_ledger

EntryState = OutboxEntry.EntryState


@pytest.fixture
def draft(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Draft]:
    """A committed draft whose issue was requested."""
    monkeypatch.setattr(documents, "draw", draw_nothing)
    with owner_cursor() as cursor:
        empty_ledger(cursor)
    with django_db_blocker.unblock():
        with inside(PUBLIC):
            open_ledger()
            made = make_draft(make_buyer())
            services.request_issue(draft=made, actor="user:1", now=NOW)
        yield made
        connection.close()
    with owner_cursor() as cursor:
        empty_ledger(cursor)
        cursor.execute("DELETE FROM public.outbox_outboxentry WHERE kind LIKE 'invoicing.%'")


def deliver() -> tuple[str, str]:
    with inside(PUBLIC):
        entry = OutboxEntry.objects.get(kind="invoicing.issue")
    now = NOW + dt.timedelta(minutes=10)
    deliver_entry(unit=PUBLIC, ref=entry.ref, now=now, clock=lambda: now)
    with inside(PUBLIC):
        entry.refresh_from_db()
        return entry.state, entry.reason


def numbers() -> list[str]:
    with inside(PUBLIC):
        return list(Invoice.objects.values_list("number", flat=True))


def test_a_requested_draft_is_issued(draft: Draft) -> None:
    assert deliver() == (EntryState.SENT, "")
    assert numbers() == ["F2026-000001"]


def test_drawing_does_not_delay_emails() -> None:
    assert is_slow("invoicing.issue")


def test_a_worker_killed_after_the_commit_issues_nothing_twice(draft: Draft) -> None:
    with inside(PUBLIC):
        services.issue(draft_ref=draft.ref, now=NOW)

    assert deliver() == (EntryState.SENT, "")
    assert numbers() == ["F2026-000001"]


def test_a_draft_deleted_meanwhile_is_not_issued(draft: Draft) -> None:
    with inside(PUBLIC):
        services.delete_draft(draft_ref=draft.ref, actor="user:1", now=NOW)

    assert deliver() == (EntryState.NOT_SENT, "gone")
    assert numbers() == []


def test_a_refusal_is_recorded_and_keeps_the_draft(draft: Draft) -> None:
    with inside(PUBLIC):
        Client.objects.update(siren="", siret="")

    assert deliver() == (EntryState.FAILED, "incomplete_identity")
    with inside(PUBLIC):
        assert Draft.objects.filter(ref=draft.ref).exists()


def test_a_series_that_stays_locked_is_waited_for_later(
    draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of another transaction that lasts longer than the login's timeout: 55P03, and another try."""
    lock_series: Any = series.lock_series

    def lock_soon(*args: Any, **kwargs: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        return lock_series(*args, **kwargs)

    monkeypatch.setattr(services, "lock_series", lock_soon)
    with owner_cursor() as cursor:
        cursor.execute("SELECT 1 FROM public.invoicing_series FOR UPDATE")
        assert deliver() == (EntryState.PENDING, "busy")
        cursor.connection.rollback()

    assert numbers() == []


def test_two_callers_of_one_draft_make_one_document(draft: Draft) -> None:
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def call() -> None:
        both.wait()
        try:
            with inside(PUBLIC):
                services.issue(draft_ref=draft.ref, now=NOW)
            outcomes.append("issued")
        except AlreadyIssued:
            outcomes.append("already issued")
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _caller in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["already issued", "issued"]
    assert numbers() == ["F2026-000001"]
