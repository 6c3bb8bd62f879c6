"""Leaving: Google is told once, and the key is destroyed whatever it answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from booking.event_body import Cleaning, Level
from booking.models import (
    BusyInterval,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    PatientContact,
    Practice,
)
from booking.services import calendar_entries, contacts, erasing
from booking.services.appointments import cancel
from booking.services.google import choices, leaving, lights
from booking.services.google.accounts import default_level
from tenants.keyring.models import DataKey
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, inside
from tenants.trail.models import Receipt
from tests.booking.google.conftest import ADDRESS, Linked
from tests.factories import NOW, local

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
Links = Callable[..., Linked]


def leave(agenda: Linked, choice: str = "keep") -> None:
    with inside(agenda.unit):
        leaving.leave(
            account=GoogleAccount.objects.get(pk=agenda.account_id),
            on_leaving=GoogleAccount.Leaving(choice),
            actor="user:1",
            now=agenda.clock(),
        )


@pytest.mark.parametrize("choice", ["keep", "empty", "delete"])
def test_leaving_revokes_and_destroys_the_key(linked: Links, choice: str) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + timedelta(hours=1))
    agenda.deliver()
    agenda.poll()
    key = agenda.account().data_key_id
    calendar = agenda.calendar()

    leave(agenda, choice)
    with inside(agenda.unit):
        assert not BusyInterval.objects.exists()
    agenda.deliver()

    with inside(agenda.unit):
        assert not GoogleAccount.objects.exists()
        assert not DataKey.objects.filter(pk=key or 0).exists()
        assert Receipt.objects.filter(kind="booking_googleaccount").count() == 1
    assert [entry.status for entry in agenda.google.asked("oauth.revoke")] == [200]
    names = {one.id for one in agenda.google.calendars(ADDRESS)}
    assert (calendar in names) is (choice == "keep")
    assert len(names) == {"keep": 2, "empty": 2, "delete": 1}[choice]


def test_with_google_away_the_key_is_destroyed_all_the_same(linked: Links) -> None:
    agenda = linked()
    key = agenda.account().data_key_id
    agenda.google.black_hole.open()
    try:
        leave(agenda)
        agenda.deliver()
    finally:
        agenda.google.black_hole.close()

    with inside(agenda.unit):
        entry = OutboxEntry.objects.get(kind="calendar.leave")
        assert not DataKey.objects.filter(pk=key or 0).exists()
    assert (entry.state, entry.reason) == ("sent", "not_revoked")


def test_who_has_left_is_written_to_no_more(linked: Links) -> None:
    agenda = linked()
    leave(agenda)
    agenda.deliver()
    calls = len(agenda.google.journal)
    agenda.book(MONDAY)

    assert agenda.deliver() == []
    assert len(agenda.google.journal) == calls


def test_an_event_left_behind_is_the_practitioners_to_erase(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    leave(agenda)
    agenda.deliver()

    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
        task = CalendarTask.objects.get()
    assert (task.kind, task.appointment_id) == ("erase", held.pk)


@pytest.mark.parametrize("choice", ["empty", "delete"])
def test_what_google_did_not_take_away_is_not_forgotten(linked: Links, choice: str) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.black_hole.open()
    try:
        leave(agenda, choice)
        agenda.deliver()
    finally:
        agenda.google.black_hole.close()

    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
        assert CalendarTask.objects.get().kind == CalendarTask.Kind.ERASE


def choose(agenda: Linked, level: Level, **fields: object) -> None:
    values: dict[str, Any] = {
        "on_erasure": Cleaning.KEEP,
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


def test_a_lower_level_is_written_everywhere_and_changes_the_notice(linked: Links) -> None:
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
    held = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=held).erase_at

    choose(agenda, Level.NAMED)

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=held).erase_at <= before


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


def cancelled_after_erasure(agenda: Linked, *, sms: bool, **person: str) -> int:
    held = agenda.book(MONDAY, **person)
    agenda.deliver()
    with inside(agenda.unit):
        Practice.objects.update(sms_enabled=sms)
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
        contact = PatientContact.objects.get(appointment=held)
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        held.refresh_from_db()
        cancel(appointment=held, by_patient=False, actor="user:1", now=agenda.clock())
    return held.pk


def test_cancelled_after_the_erasure_the_person_gets_an_sms(
    linked: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []

    class Gateway:
        def send(self, *, number: str, text: str, **_: object) -> None:
            sent.append((number, text))

    monkeypatch.setattr("booking.sms.gateway", Gateway)
    agenda = linked()
    cancelled_after_erasure(agenda, sms=True)
    agenda.deliver()

    assert [number for number, _text in sent] == ["+33639980104"]
    assert agenda.events() == []
    with inside(agenda.unit):
        assert not CalendarTask.objects.exists()


def test_without_sms_a_task_stays_until_somebody_has_called(linked: Links) -> None:
    agenda = linked()
    held_id = cancelled_after_erasure(agenda, sms=False)
    agenda.deliver()

    assert len(agenda.events()) == 1
    with inside(agenda.unit):
        task = CalendarTask.objects.get()
        assert task.kind == CalendarTask.Kind.CALL
        entry = CalendarEntry.objects.select_related("appointment").get(appointment=held_id)
        calendar_entries.let_go(appointment=entry.appointment, now=agenda.clock())
    agenda.deliver()

    assert agenda.events() == []
    with inside(agenda.unit):
        assert CalendarTask.objects.get().done_at == agenda.clock()


def test_the_light_is_green_then_orange_then_red_while_something_waits(linked: Links) -> None:
    agenda = linked()
    agenda.poll()

    def light() -> lights.Light:
        with inside(agenda.unit):
            account = GoogleAccount.objects.get(pk=agenda.account_id)
            return lights.health_of(account=account, now=agenda.clock()).light

    assert light() is lights.Light.GREEN
    agenda.book(MONDAY)
    agenda.clock.pass_(minutes=6)
    assert light() is lights.Light.ORANGE
    agenda.clock.pass_(hours=1)
    assert light() is lights.Light.RED
    assert lights.raise_alert(now=agenda.clock()) == 1
    with inside(PUBLIC):
        assert OutboxEntry.objects.filter(kind="calendar.stuck").delete()[0] == 1
