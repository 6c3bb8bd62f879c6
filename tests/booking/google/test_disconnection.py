"""Disconnection: the grant is revoked once, and the key is destroyed whether or not Google responds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from booking.appointments import erasure_requests
from booking.appointments.cancel import cancel
from booking.calendar_sync import calendar_entries
from booking.google import (
    choices,
    sync_health,
)
from booking.google.accounts import default_level
from booking.models import (
    BusyInterval,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    PatientContact,
    Practice,
)
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.erasure import EventCleanup, Level
from tenants.audit.models import Receipt
from tenants.keyring.models import DataKey
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice, disconnect

Links = Callable[..., LinkedPractice]


@pytest.mark.parametrize("on_disconnect", ["keep", "empty", "delete"])
def test_a_disconnection_revokes_the_grant_and_destroys_the_key(
    linked: Links, on_disconnect: str
) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + timedelta(hours=1))
    agenda.deliver()
    agenda.poll()
    key = agenda.account().data_key_id
    calendar = agenda.calendar()

    disconnect(agenda, on_disconnect)
    with inside(agenda.unit):
        assert not BusyInterval.objects.exists()
    agenda.deliver()

    with inside(agenda.unit):
        assert not GoogleAccount.objects.exists()
        assert not DataKey.objects.filter(pk=key or 0).exists()
        assert Receipt.objects.filter(kind="booking_googleaccount").count() == 1
    assert [entry.status for entry in agenda.google.asked("oauth.revoke")] == [200]
    names = {calendar_row.id for calendar_row in agenda.google.calendars(ADDRESS)}
    assert (calendar in names) is (on_disconnect == "keep")
    assert len(names) == {"keep": 2, "empty": 2, "delete": 1}[on_disconnect]


def test_the_key_is_destroyed_even_when_google_does_not_respond(linked: Links) -> None:
    agenda = linked()
    key = agenda.account().data_key_id
    agenda.google.black_hole.open()
    try:
        disconnect(agenda)
        agenda.deliver()
    finally:
        agenda.google.black_hole.close()

    with inside(agenda.unit):
        entry = OutboxEntry.objects.get(kind=kinds.CALENDAR_DISCONNECT)
        assert not DataKey.objects.filter(pk=key or 0).exists()
    assert (entry.state, entry.reason) == ("sent", "not_revoked")


def test_nothing_is_pushed_after_a_disconnection(linked: Links) -> None:
    agenda = linked()
    disconnect(agenda)
    agenda.deliver()
    calls = len(agenda.google.journal)
    agenda.book(MONDAY)

    assert agenda.deliver() == []
    assert len(agenda.google.journal) == calls


def test_an_event_of_a_disconnected_account_becomes_a_task_of_the_practitioner(
    linked: Links,
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    disconnect(agenda)
    agenda.deliver()

    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
        task = CalendarTask.objects.get()
    assert (task.kind, task.appointment_id) == ("erase", appointment.pk)


@pytest.mark.parametrize("on_disconnect", ["empty", "delete"])
def test_an_event_that_google_did_not_delete_can_still_become_a_task(
    linked: Links, on_disconnect: str
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.black_hole.open()
    try:
        disconnect(agenda, on_disconnect)
        agenda.deliver()
    finally:
        agenda.google.black_hole.close()

    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
        assert CalendarTask.objects.get().kind == CalendarTask.TaskKind.ERASE


def choose(agenda: LinkedPractice, level: Level, **fields: object) -> None:
    values: dict[str, Any] = {
        "on_erasure": EventCleanup.KEEP,
        "has_addendum": False,
        "is_instructed": True,
        "closes_when_lost": False,
    }
    with inside(agenda.unit):
        choices.choose(
            account=GoogleAccount.objects.get(pk=agenda.account_id),
            chosen=choices.Choices(level=level, **values | fields),
            actor="user:1",
            now=agenda.clock(),
        )


def test_a_lower_level_is_pushed_everywhere_and_changes_the_notice_version(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = Practice.objects.get().notice_version

    choose(agenda, Level.REFERENCE)
    agenda.deliver()

    (event,) = agenda.events()
    assert event["summary"].startswith("Réservé")
    assert event["description"] == ""
    with inside(agenda.unit):
        assert Practice.objects.get().notice_version == before + 1


def test_names_need_an_instruction(linked: Links) -> None:
    agenda = linked(level=Level.INITIALS)
    with pytest.raises(choices.NotInstructed):
        choose(agenda, Level.NAMED, is_instructed=False)
    choose(agenda, Level.NAMED)
    assert agenda.account().level == Level.NAMED


def test_changing_the_level_only_shortens_what_is_not_erased(linked: Links) -> None:
    agenda = linked(level=Level.INITIALS)
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=appointment).erase_at

    choose(agenda, Level.NAMED)

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=appointment).erase_at <= before


@pytest.mark.parametrize(
    ("kind", "has_addendum", "level"),
    [
        ("consumer", False, Level.INITIALS),
        ("consumer", True, Level.INITIALS),
        ("workspace", False, Level.INITIALS),
        ("workspace", True, Level.NAMED),
    ],
)
def test_names_are_the_default_of_covered_accounts_only(
    kind: str, has_addendum: bool, level: Level
) -> None:
    assert default_level(kind=kind, has_addendum=has_addendum) is level


def cancelled_after_erasure(agenda: LinkedPractice, *, sms: bool, **person: str) -> int:
    appointment = agenda.book(MONDAY, **person)
    agenda.deliver()
    with inside(agenda.unit):
        Practice.objects.update(sms_enabled=sms)
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
        contact = PatientContact.objects.get(appointment=appointment)
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        appointment.refresh_from_db()
        cancel(appointment=appointment, by_patient=False, actor="user:1", now=agenda.clock())
    return appointment.pk


def test_cancelled_after_the_erasure_the_person_gets_an_sms(
    linked: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []

    class Gateway:
        def send(self, *, number: str, text: str, **_: object) -> None:
            sent.append((number, text))

    monkeypatch.setattr("booking.formats.sms.gateway", Gateway)
    agenda = linked()
    cancelled_after_erasure(agenda, sms=True)
    agenda.deliver()

    assert [number for number, _text in sent] == ["+33639980104"]
    assert agenda.events() == []
    with inside(agenda.unit):
        assert not CalendarTask.objects.exists()


def test_without_sms_a_task_stays_open_until_the_call(linked: Links) -> None:
    agenda = linked()
    appointment_id = cancelled_after_erasure(agenda, sms=False)
    agenda.deliver()

    assert len(agenda.events()) == 1
    with inside(agenda.unit):
        task = CalendarTask.objects.get()
        assert task.kind == CalendarTask.TaskKind.CALL
        entry = CalendarEntry.objects.select_related("appointment").get(appointment=appointment_id)
        calendar_entries.release_event(appointment=entry.appointment, now=agenda.clock())
    agenda.deliver()

    assert agenda.events() == []
    with inside(agenda.unit):
        assert CalendarTask.objects.get().completed_at == agenda.clock()


def test_the_status_is_green_then_orange_then_red_while_an_event_waits(linked: Links) -> None:
    agenda = linked()
    agenda.poll()

    def status() -> sync_health.HealthStatus:
        with inside(agenda.unit):
            account = GoogleAccount.objects.get(pk=agenda.account_id)
            return sync_health.health_of(account=account, now=agenda.clock()).status

    assert status() is sync_health.HealthStatus.GREEN
    agenda.book(MONDAY)
    agenda.clock.advance(minutes=6)
    assert status() is sync_health.HealthStatus.ORANGE
    agenda.clock.advance(hours=1)
    assert status() is sync_health.HealthStatus.RED
    assert sync_health.raise_alert(now=agenda.clock()) == 1
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").delete()[0] == 1
