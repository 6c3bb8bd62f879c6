"""Erasure on time and expiry of rows, also when interrupted or run twice."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from booking.erasure import cleanup
from booking.models import Appointment, DailyCount, PatientContact
from booking.patients import contacts, links
from booking.rules import kinds
from compliance.retention import alerts, expiry
from compliance.retention.due import backlog, overdue
from tenants import erasure_ledger
from tenants.accounts.models import User
from tenants.audit import receipts
from tenants.keyring.models import DataKey
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_by_key, write
from tenants.personal_data import models_with_people
from tenants.schema import PUBLIC, Unit, inside
from tests.conftest import TENANT_ONE, owner_cursor
from tests.factories import NOW, Cabinet, make_appointment

MINUTE = timedelta(minutes=1)


def booked(cabinet: Cabinet, count: int = 1) -> list[Appointment]:
    """Book ``count`` appointments of half an hour as staff, each with a person."""
    first = NOW + timedelta(days=2)
    return [
        make_appointment(cabinet, starts_at=first + timedelta(hours=number))
        for number in range(count)
    ]


def due_at(appointment: Appointment) -> timedelta:
    return PatientContact.objects.get(appointment=appointment).erase_at - NOW


def test_no_person_is_erased_a_minute_early(tenant: Unit) -> None:
    (appointment,) = booked(Cabinet())
    until = NOW + due_at(appointment)

    assert contacts.erase_due(now=until - timedelta(microseconds=1)) == 0
    assert contacts.erase_due(now=until) == 1


def test_an_erasure_leaves_neither_key_nor_contact_nor_message(tenant: Unit) -> None:
    (appointment,) = booked(Cabinet())
    contact = PatientContact.objects.get()
    now = NOW + timedelta(days=30)

    contacts.erase_due(now=now)

    assert not PatientContact.objects.exists()
    assert not DataKey.objects.exists()
    assert not OutboxEntry.objects.filter(state=OutboxEntry.EntryState.PENDING).exists()
    appointment.refresh_from_db()
    assert appointment.erased_at == now
    receipt = receipts.find(appointment.ref)
    assert receipt is not None
    assert (receipt.rule, receipt.at, len(receipt.key_fingerprint)) == ("B-21 due", now, 64)
    hashes = erasure_ledger.erased_hashes()[TENANT_ONE.schema, "booking_patientcontact"]
    assert hashes == {
        erasure_ledger.ref_hash(
            schema=TENANT_ONE.schema, table="booking_patientcontact", ref=contact.ref
        )
    }


def test_after_an_erasure_every_declared_field_of_a_patient_is_empty(tenant: Unit) -> None:
    """Iterate over all declarations: a personal field that keeps its value fails."""
    _kept, cancelled = booked(Cabinet(), 2)
    Appointment.objects.filter(pk=cancelled.pk).update(
        status=Appointment.Status.CANCELLED_BY_PATIENT, cancelled_at=NOW
    )
    of_patients = [
        (model, declared.personal)
        for model, declared in models_with_people()
        if declared.subjects == "patients"
    ]
    assert len(of_patients) >= 4
    assert _values(of_patients)

    later = NOW + timedelta(days=4)
    contacts.erase_due(now=later)
    cleanup.delete_links(now=later)
    cleanup.delete_stale_holds(now=later)

    assert _values(of_patients) == []


def _values(
    of_patients: list[tuple[type[models.Model], Mapping[str, str]]],
) -> list[tuple[str, str]]:
    return [
        (model._meta.label, name)
        for model, personal in of_patients
        for row in model._default_manager.all()
        for name in personal
        if getattr(row, name)
    ]


def test_the_ledger_is_written_before_anything_is_erased(
    tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(Cabinet())

    def full_disk(**_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(erasure_ledger, "append_many", full_disk)
    with pytest.raises(OSError, match="no space"):
        contacts.erase_due(now=NOW + timedelta(days=30))

    assert PatientContact.objects.count() == DataKey.objects.count() == 1


def test_a_contact_without_a_key_is_erased_like_the_others(tenant: Unit) -> None:
    booked(Cabinet())
    DataKey.objects.all().delete()

    assert contacts.erase_due(now=NOW + timedelta(days=30)) == 1
    assert receipts.verify().is_intact


def test_erasing_many_costs_no_more_statements_than_erasing_two(tenant: Unit) -> None:
    cabinet = Cabinet()
    booked(cabinet, 9)
    later = NOW + timedelta(days=30)
    # Before the first receipt the start of its chain is queried.
    assert contacts.erase_due(now=later, limit=1) == 1

    with CaptureQueriesContext(connection) as two:
        assert contacts.erase_due(now=later, limit=2) == 2
    with CaptureQueriesContext(connection) as six:
        assert contacts.erase_due(now=later) == 6

    assert len(six) == len(two) <= 12
    assert receipts.verify().links == 9


def test_erasure_uses_one_transaction_per_batch_and_resumes_after_a_crash(
    committed_tenant: Callable[[str], Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = committed_tenant("expiry")
    with inside(unit):
        booked(Cabinet(), 7)
    monkeypatch.setattr(expiry, "BATCH", 3)
    later = NOW + timedelta(days=30)
    real, calls = contacts.erase_due, []

    def crash_in_the_second_batch(**arguments: object) -> int:
        erased = real(**arguments)  # type: ignore[arg-type]  # passed through
        calls.append(erased)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return erased

    with monkeypatch.context() as patch:
        patch.setattr(contacts, "erase_due", crash_in_the_second_batch)
        with pytest.raises(KeyboardInterrupt):
            expiry.erase_due(unit, now=later)

    with inside(unit):
        assert PatientContact.objects.count() == 4
    assert expiry.erase_due(unit, now=later) == 4
    assert expiry.erase_due(unit, now=later) == 0
    with inside(unit):
        assert receipts.verify().links == 7
        assert DataKey.objects.count() == 0


def test_a_row_locked_by_another_run_is_skipped(
    committed_tenant: Callable[[str], Unit],
) -> None:
    unit = committed_tenant("expiry")
    with inside(unit):
        booked(Cabinet(), 2)
        patient_contacts = PatientContact.objects.order_by("pk").values_list("pk", flat=True)[0]
    later = NOW + timedelta(days=30)

    with owner_cursor() as other:
        other.execute(
            f"SELECT 1 FROM {unit.schema}.booking_patientcontact WHERE id = %s FOR UPDATE",
            [patient_contacts],
        )
        assert expiry.erase_due(unit, now=later) == 1

    assert expiry.erase_due(unit, now=later) == 1


def test_the_backlog_is_counted_per_schema_in_one_query(
    committed_tenant: Callable[[str], Unit],
) -> None:
    unit = committed_tenant("expiry")
    with inside(unit):
        first, _second = booked(Cabinet(), 2)
        oldest = NOW + due_at(first)

    assert backlog(until=oldest - MINUTE) == []
    (entry,) = backlog(until=NOW + timedelta(days=30))
    assert (entry.unit, entry.count, entry.oldest_at) == (unit, 2, oldest)


def test_an_erasure_is_overdue_after_an_hour_and_alerts_the_staff_once_an_hour(
    committed_tenant: Callable[[str], Unit],
) -> None:
    unit = committed_tenant("expiry")
    with inside(unit):
        (appointment,) = booked(Cabinet())
        due = NOW + due_at(appointment)

    assert overdue(now=due + 59 * MINUTE) == []
    assert alerts.raise_alert(now=due + 59 * MINUTE) == 0
    late = due + 60 * MINUTE
    assert [entry.unit for entry in overdue(now=late)] == [unit]
    assert (alerts.raise_alert(now=late), alerts.raise_alert(now=late)) == (1, 1)

    with inside(PUBLIC):
        (ref,) = OutboxEntry.objects.filter(kind=alerts.OVERDUE).values_list("ref", flat=True)
    deliver_entry(unit=PUBLIC, ref=ref, now=late, clock=lambda: late)
    assert [message.subject for message in mail.outbox] == ["Effacements en retard"]
    assert "1 effacement a plus" in mail.outbox[0].body
    with inside(PUBLIC):
        OutboxEntry.objects.filter(kind=alerts.OVERDUE).delete()


def test_the_command_expires_every_schema(committed_tenant: Callable[[str], Unit]) -> None:
    unit = committed_tenant("expiry")
    with inside(unit):
        booked(Cabinet(), 2)
        PatientContact.objects.update(erase_at=NOW)

    out = StringIO()
    call_command("expire", stdout=out)

    assert out.getvalue() == "2 erased.\n"


def test_a_restored_person_is_erased_again(tenant: Unit) -> None:
    first, second = booked(Cabinet(), 2)
    gone = PatientContact.objects.get(appointment=first)
    hashes = {
        erasure_ledger.ref_hash(schema=TENANT_ONE.schema, table="booking_patientcontact", ref=ref)
        for ref in (gone.ref, uuid.uuid4())
    }

    assert contacts.erase_again(hashes=hashes, now=NOW) == 1

    assert PatientContact.objects.get().appointment == second
    receipt = receipts.find(first.ref)
    assert receipt is not None
    assert receipt.rule == "S-27 restored"


def test_a_link_is_deleted_when_the_appointment_begins(tenant: Unit) -> None:
    (appointment,) = booked(Cabinet())
    token = links.manage_token(appointment)

    assert cleanup.delete_links(now=appointment.starts_at - MINUTE) == 0
    assert links.find_by_token(token) is not None
    assert cleanup.delete_links(now=appointment.starts_at) == 1
    assert links.find_by_token(token) is None
    assert cleanup.delete_links(now=appointment.starts_at) == 0


def test_a_past_appointment_is_counted_on_its_local_day_and_deleted(tenant: Unit) -> None:
    cabinet = Cabinet()
    first, *_others = booked(cabinet, 2)
    contacts.erase_due(now=NOW + timedelta(days=20))
    last_end = NOW + timedelta(days=2, hours=1, minutes=45)

    assert cleanup.count_and_delete(now=first.ends_at + timedelta(days=30)) == 1
    assert cleanup.count_and_delete(now=last_end + timedelta(days=30)) == 1

    assert not Appointment.objects.exists()
    count = DailyCount.objects.get()
    assert (count.count, count.status) == (2, "booked")
    assert count.on.isoformat() == "2026-11-12"


def test_a_past_appointment_that_still_has_a_contact_is_not_deleted(tenant: Unit) -> None:
    booked(Cabinet())

    assert cleanup.count_and_delete(now=NOW + timedelta(days=90)) == 0
    assert Appointment.objects.count() == 1


def digest(user_key: int) -> Due[kinds.DigestDay]:
    """Return a digest entry; its user need not exist."""
    day = kinds.DigestDay(NOW.date())
    return Due(kinds.DIGEST, subject_by_key(User, user_key), day, NOW)


def test_the_outbox_entries_of_an_appointment_are_deleted_with_it(tenant: Unit) -> None:
    first, second = booked(Cabinet(), 2)
    write(due=[digest(first.pk)], now=NOW)
    contacts.erase_due(now=NOW + timedelta(days=20))
    assert OutboxEntry.objects.filter(subject_id=first.pk, kind=kinds.REMINDER).exists()

    cleanup.count_and_delete(now=first.ends_at + timedelta(days=30))

    left = OutboxEntry.objects.filter(subject_id=first.pk)
    # A user's key may be an appointment's: what is another noun's stays.
    assert [entry.kind for entry in left] == [kinds.DIGEST]
    assert OutboxEntry.objects.filter(subject_id=second.pk).exists()


def test_other_outbox_entries_are_kept_for_four_hundred_days(tenant: Unit) -> None:
    write(due=[digest(1), digest(2)], now=NOW)
    ended, _pending = OutboxEntry.objects.order_by("subject_id")
    OutboxEntry.objects.filter(pk=ended.pk).update(state="sent", finished_at=NOW)
    until = NOW + timedelta(days=400)

    assert cleanup.delete_outbox_entries(now=until) == 0
    assert cleanup.delete_outbox_entries(now=until + MINUTE) == 1

    assert [entry.subject_id for entry in OutboxEntry.objects.all()] == [2]


def test_outbox_entries_are_deleted_in_batches(tenant: Unit) -> None:
    write(due=[digest(number) for number in range(3)], now=NOW)
    OutboxEntry.objects.update(state="sent", finished_at=NOW)

    assert cleanup.delete_outbox_entries(now=NOW + timedelta(days=401), limit=2) == 2
    assert cleanup.delete_outbox_entries(now=NOW + timedelta(days=401), limit=2) == 1
