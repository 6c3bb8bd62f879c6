"""Verification of issued documents: each way of altering them is found and named by number (F-04)."""

import datetime as dt
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from billing.invoicing import actors, verification
from billing.invoicing.models import Series
from billing.invoicing.verification import SeriesReport
from config.health import promises
from tenants.audit import chain_heads
from tenants.audit.chain_heads import Reason
from tenants.heartbeat import Duty, beat
from tenants.models import Heartbeat
from tenants.schema import PUBLIC, inside
from tests.conftest import owner_cursor
from tests.ledger import (
    NOW,
    alter_as_owner,
    empty_ledger,
    issue_draft,
    make_buyer,
    make_draft,
    open_ledger,
)

TODAY = NOW.date()
LAST = "(SELECT max(id) FROM public.invoicing_invoice)"
CUT = (
    f"DELETE FROM public.invoicing_invoicefile WHERE invoice_id = {LAST}",
    f"DELETE FROM public.invoicing_invoice WHERE id = {LAST}",
)
REWIND = (
    "UPDATE public.invoicing_series SET last = last - 1, head ="
    f" (SELECT hash FROM public.invoicing_invoice WHERE id = {LAST}) WHERE code = 'F2026'"
)


@pytest.fixture
def ledger(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Four committed documents, the last one younger than the recorded head."""
    with owner_cursor() as cursor:
        empty_ledger(cursor)
    with django_db_blocker.unblock():
        with inside(PUBLIC):
            open_ledger()
            buyer = make_buyer()
            for _document in range(3):
                issue_draft(make_draft(buyer))
        record()
        with inside(PUBLIC):
            issue_draft(make_draft(buyer))
        yield
        connection.close()
    with owner_cursor() as cursor:
        empty_ledger(cursor)
        cursor.execute("DELETE FROM public.tenants_heartbeat WHERE duty IN ('audit', 'invoices')")


def reports() -> list[SeriesReport]:
    with inside(PUBLIC):
        return verification.verify_all(today=TODAY)


def record(reason: Reason = Reason.VERIFIED) -> None:
    verification.record_ends(reports(), reason=reason, now=NOW)


def alter(*statements: str) -> None:
    with owner_cursor() as cursor:
        alter_as_owner(cursor, *statements)


def faults() -> list[str]:
    return [fault for report in reports() for fault in report.faults]


def test_an_untouched_ledger_is_whole(ledger: None) -> None:
    assert [(report.code, report.count, report.faults) for report in reports()] == [
        ("A2026", 0, []),
        ("A2027", 0, []),
        ("F2026", 4, []),
        ("F2027", 0, []),
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("gross = 1, net = 0, tax = 1", "F2026-000002: changed"),
        ("client_ref = gen_random_uuid()", "F2026-000002: changed"),
        ("due_on = due_on + 1", "F2026-000002: changed"),
        ("archive_until = archive_until + 1", "F2026-000002: changed"),
        (
            "snapshot = jsonb_set(snapshot, '{buyer,name}', '\"X\"')",
            "F2026-000002: changed",
        ),
        ("files_hash = sha256('x')", "F2026-000002: its files are others"),
        ("number = 'F2026-000009'", "F2026-000009: not the number of place 2"),
        ("issued_on = issued_on - 1", "F2026-000002: its day is before that of the number before"),
    ],
)
def test_a_changed_row_is_named(ledger: None, change: str, fault: str) -> None:
    alter(f"UPDATE public.invoicing_invoice SET {change} WHERE position = 2")

    assert fault in faults()


def test_a_changed_file_is_named(ledger: None) -> None:
    alter(
        "UPDATE public.invoicing_invoicefile SET data = 'other' WHERE kind = 'xml' AND invoice_id ="
        " (SELECT id FROM public.invoicing_invoice WHERE position = 2)"
    )

    assert faults() == ["F2026-000002: its xml changed"]


def test_a_removed_document_is_named(ledger: None) -> None:
    second = "(SELECT id FROM public.invoicing_invoice WHERE position = 2)"
    alter(
        f"DELETE FROM public.invoicing_invoicefile WHERE invoice_id = {second}",
        f"DELETE FROM public.invoicing_invoice WHERE id = {second}",
    )

    assert faults() == [
        "F2026-000002: missing",
        "F2026-000003: does not follow the document before it",
    ]


def test_a_removed_end_is_named_by_the_row_of_the_series(ledger: None) -> None:
    alter(*CUT)

    assert "F2026-000004: missing at the end" in faults()


def test_a_removed_end_with_a_series_set_back_is_found_by_the_recorded_head(ledger: None) -> None:
    alter(*CUT, REWIND, *CUT, REWIND)

    assert faults() == ["F2026: 3 documents were recorded, 2 are there"]


def test_a_rewritten_end_is_found_at_the_place_of_the_recorded_head(ledger: None) -> None:
    alter(*CUT, REWIND, *CUT, REWIND)
    with inside(PUBLIC):
        buyer = make_buyer("Autre Nom")
        for _document in range(2):
            issue_draft(make_draft(buyer))

    assert faults() == ["F2026-000003: another document was recorded here"]


def test_documents_deleted_after_their_archive_are_no_gap(ledger: None) -> None:
    alter("DELETE FROM public.invoicing_invoicefile", "DELETE FROM public.invoicing_invoice")
    with inside(PUBLIC):
        series = Series.objects.get(code="F2026")
        early, late = (
            verification.verify_series(series, None, today=dt.date(year, 1, 1)).faults
            for year in (2036, 2037)
        )

    assert len(early) == 5
    assert late == []


# --- Command, duty, promise --------------------------------------------------------------------------


def test_the_command_prints_what_is_wrong_and_fails(ledger: None) -> None:
    output = StringIO()
    call_command("verify_invoices", stdout=output)
    assert "F2026: 4 documents, intact" in output.getvalue()

    alter(*CUT, REWIND, *CUT, REWIND)
    with pytest.raises(CommandError):
        call_command("verify_invoices", stdout=output)
    assert "F2026: 3 documents were recorded, 2 are there" in output.getvalue()

    call_command("verify_invoices", "--accept", stdout=output)
    call_command("verify_invoices", stdout=output)


def test_a_changed_row_is_never_accepted(ledger: None) -> None:
    alter("UPDATE public.invoicing_invoice SET due_on = due_on + 1 WHERE position = 2")

    with pytest.raises(CommandError):
        call_command("verify_invoices", "--accept", stdout=StringIO())


def promise(name: str) -> promises.Promise:
    now = dt.datetime.now(dt.UTC)
    return next(found for found in promises.all_promises(now=now) if found.name == name)


def test_the_duty_raises_an_alarm_that_breaks_its_promise_alone(ledger: None) -> None:
    now = dt.datetime.now(dt.UTC)
    beat(duty=Duty.AUDIT, now=now)
    actors.verify_and_record(now=now)
    assert promise("invoices").is_kept
    recorded = chain_heads.read("public")["invoices F2026"].head
    assert recorded is not None
    assert recorded.links == 4

    alter(*CUT)
    actors.verify_and_record(now=now)

    assert promise("invoices").figures["altered"] == 1
    assert not promise("invoices").is_kept
    assert promise("audit").figures["altered"] == 0
    assert chain_heads.read("public")["invoices F2026"].head == recorded


def test_the_duty_makes_the_series_of_next_year(ledger: None) -> None:
    actors.open_next_series(now=dt.datetime(2027, 12, 31, 23, 30, tzinfo=dt.UTC))

    with inside(PUBLIC):
        assert {"F2028", "A2028", "F2029", "A2029"} <= set(
            Series.objects.values_list("code", flat=True)
        )


def test_the_duty_is_done_once_a_day(ledger: None) -> None:
    actors.verify_documents.fn()
    with inside(PUBLIC):
        first = Heartbeat.objects.get(duty=Duty.INVOICES).at
    actors.verify_documents.fn()

    with inside(PUBLIC):
        assert Heartbeat.objects.get(duty=Duty.INVOICES).at == first
