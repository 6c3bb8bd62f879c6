"""The feed of an agenda: its address, its words at each level, and the instant of its last change."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.appointments import erasure_requests
from booking.appointments.attendance import mark
from booking.appointments.book import book_by_staff
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.feeds import contents, publication
from booking.formats.feed_file import Entry, feed_file
from booking.google.choices import NotInstructed
from booking.google.push import visit_of
from booking.models import Appointment, Feed, Practice
from booking.patients import contacts
from booking.patients.links import manage_token
from booking.practice import team
from booking.rules import event_body
from booking.rules.erasure import Level
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tenants.schema import Unit
from tests.accounts import make_member, memberships_of
from tests.factories import NOW, Cabinet, local, make_appointment, make_person, make_practitioner

PARIS = ZoneInfo("Europe/Paris")
HOST = "one.lib-rdv.localhost"
THURSDAY = local((NOW + timedelta(days=2)).date(), 10)
EVERY_LEVEL = pytest.mark.parametrize("level", list(Level))


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def open_feed(cabinet: Cabinet, level: Level = Level.REFERENCE) -> Feed:
    return publication.open_feed(
        practitioner=cabinet.practitioner,
        level=level,
        is_instructed=True,
        actor="user:1",
        now=NOW,
    )


def entries_of(feed: Feed, *, now: datetime = NOW) -> list[Entry]:
    found = contents.contents(feed=feed, host=HOST, zone=PARIS, now=now)
    return list(found.entries)


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("verb", flat=True))


def erase(appointment: Appointment, *, now: datetime = NOW) -> None:
    contact = contacts.contact_of(appointment)
    assert contact is not None
    contacts.erase(contact=contact, rule=contacts.DUE, now=now)


# --- Its address ---------------------------------------------------------------------------------------


def test_a_feed_is_found_by_its_address_and_by_nothing_else(cabinet: Cabinet) -> None:
    feed = open_feed(cabinet)

    assert publication.find(publication.token_of(feed)) == feed
    assert publication.find(feed.ref.hex) is None
    assert publication.find("") is None
    assert publication.token_of(feed) not in str(Feed.objects.values())


def test_a_new_address_ends_the_old_one_at_once(cabinet: Cabinet) -> None:
    feed = open_feed(cabinet)
    old = publication.token_of(feed)

    publication.renew(feed=feed, actor="user:1", now=NOW)

    assert publication.find(old) is None
    assert publication.find(publication.token_of(feed)) == feed
    assert verbs()[-1] == "feed.changed"


def test_a_closed_feed_opens_nothing_even_when_another_one_is_opened(cabinet: Cabinet) -> None:
    feed = open_feed(cabinet)
    old = publication.token_of(feed)

    publication.close(feed=feed, actor="user:1", now=NOW)
    open_feed(cabinet)

    assert publication.find(old) is None
    assert verbs() == ["feed.opened", "feed.revoked", "feed.opened"]


def test_an_agenda_that_receives_no_more_has_no_feed(cabinet: Cabinet) -> None:
    feed = open_feed(cabinet)
    cabinet.practitioner.is_active = False
    cabinet.practitioner.save(update_fields=["is_active"])

    assert publication.find(publication.token_of(feed)) is None


def test_names_need_an_instruction_which_is_recorded(cabinet: Cabinet) -> None:
    asked: dict[str, Any] = {"practitioner": cabinet.practitioner, "actor": "user:1", "now": NOW}

    with pytest.raises(NotInstructed):
        publication.open_feed(level=Level.NAMED, is_instructed=False, **asked)
    assert not Feed.objects.exists()
    publication.open_feed(level=Level.NAMED, is_instructed=True, **asked)

    assert verbs() == ["feed.opened", "feed.instructed"]


def test_opening_twice_changes_what_it_says_and_keeps_the_address(cabinet: Cabinet) -> None:
    first = publication.token_of(open_feed(cabinet))

    feed = open_feed(cabinet, Level.INITIALS)

    assert publication.token_of(feed) == first
    assert feed.level == Level.INITIALS
    assert verbs() == ["feed.opened", "feed.changed"]


def test_what_patients_read_changes_with_what_the_feed_says(cabinet: Cabinet) -> None:
    def version() -> int:
        return Practice.objects.get().notice_version

    before = version()
    open_feed(cabinet, Level.INITIALS)
    open_feed(cabinet, Level.INITIALS)

    assert version() == before + 1


def test_the_feed_of_a_revoked_member_is_closed(cabinet: Cabinet) -> None:
    user = make_member(Role.PRACTITIONER)
    make_member(Role.OWNER)
    cabinet.practitioner.user = user
    cabinet.practitioner.save(update_fields=["user"])
    known = publication.token_of(open_feed(cabinet, Level.NAMED))
    (membership,) = memberships_of(user)

    team.revoke(membership=membership, actor="user:1", on=NOW.date(), now=NOW)

    assert publication.find(known) is None
    assert "feed.revoked" in verbs()


def test_the_feed_of_a_colleague_goes_on(cabinet: Cabinet) -> None:
    user = make_member(Role.SECRETARY)
    known = publication.token_of(open_feed(cabinet))
    (membership,) = memberships_of(user)

    team.revoke(membership=membership, actor="user:1", on=NOW.date(), now=NOW)

    assert publication.find(known) is not None


# --- What it says --------------------------------------------------------------------------------------


@EVERY_LEVEL
def test_the_words_are_those_of_an_event_in_google(cabinet: Cabinet, level: Level) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    body = event_body.body_of(visit_of(appointment, make_person()), level=level, version=1)

    (entry,) = entries_of(open_feed(cabinet, level))

    assert (entry.summary, entry.description) == (body["summary"], body["description"])


def test_each_level_says_what_it_promises(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, THURSDAY)

    words = [
        (entry.summary, entry.description)
        for level in Level
        for entry in entries_of(open_feed(cabinet, level))
    ]

    assert words == [
        (f"Réservé (réf. {appointment.spoken_ref})", ""),
        ("RDV C. S.", ""),
        ("Camille Spécimen", "+33639980104\nConsultation"),
    ]


def test_an_erased_person_appears_as_a_reference(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    feed = open_feed(cabinet, Level.NAMED)

    erase(appointment)

    (entry,) = entries_of(feed)
    assert entry.summary == f"Réservé (réf. {appointment.spoken_ref})"
    assert entry.description == ""


def test_a_feed_holds_the_booked_appointments_of_its_agenda_only(cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)
    kept = make_appointment(cabinet, THURSDAY)
    gone = make_appointment(cabinet, THURSDAY + timedelta(hours=1))
    cancel(appointment=gone, by_patient=True, actor="patient", now=NOW)
    elsewhere = book_by_staff(
        selection=cabinet.selection(THURSDAY, practitioner_id=other.pk),
        form_ref=uuid.uuid4(), person=make_person(), actor="system", now=NOW,
    )  # fmt: skip

    (entry,) = entries_of(open_feed(cabinet))

    assert kept.spoken_ref in entry.summary
    assert elsewhere.spoken_ref not in entry.summary


def test_thirty_days_back_and_everything_to_come(cabinet: Cabinet) -> None:
    make_appointment(cabinet, THURSDAY)
    feed = open_feed(cabinet)
    first_hour = datetime(2026, 12, 11, 12, tzinfo=PARIS)

    assert len(entries_of(feed, now=first_hour)) == 1
    assert len(entries_of(feed, now=first_hour.replace(hour=23, minute=59))) == 1
    assert entries_of(feed, now=first_hour + timedelta(days=1)) == []
    assert len(entries_of(feed, now=NOW - timedelta(days=80))) == 1


def test_the_identifier_stays_through_moves_levels_and_addresses_and_is_unique(
    cabinet: Cabinet,
) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    feed = open_feed(cabinet)
    (before,) = entries_of(feed)

    move(
        appointment=appointment, selection=cabinet.selection(THURSDAY + timedelta(hours=2)), by_patient=False,
        actor="system", now=NOW,
    )  # fmt: skip
    publication.renew(feed=open_feed(cabinet, Level.NAMED), actor="system", now=NOW)
    (after,) = entries_of(Feed.objects.get())

    assert after.uid == before.uid
    assert (before.sequence, after.sequence) == (0, 1)
    assert appointment.ref.hex not in after.uid  # the one of the patient's own file
    assert manage_token(appointment) not in after.uid


def test_an_event_is_dated_by_its_last_change(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    feed = open_feed(cabinet)
    later = NOW + timedelta(hours=3)

    contacts.correct(
        appointment=appointment, phone=None, email="autre@example.org", actor="patient", now=later
    )
    mark(
        appointment=appointment, status=Appointment.Status.FULFILLED, actor="system",
        now=later + timedelta(hours=1),
    )  # fmt: skip

    (entry,) = entries_of(feed, now=later + timedelta(days=1))
    assert entry.changed_at == later  # the attendance of the person does not change the contents


def test_one_day_of_a_hundred_costs_as_many_questions_as_one(
    cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    feed = open_feed(cabinet, Level.NAMED)
    make_appointment(cabinet, THURSDAY)
    cabinet.type.duration_min = 5
    cabinet.type.save(update_fields=["duration_min"])

    def asked() -> int:
        with count_queries() as queries:
            entries_of(feed)
        return len(queries)

    few = asked()
    for number in range(40):
        make_appointment(cabinet, THURSDAY + timedelta(hours=1, minutes=5 * number))

    assert asked() == few <= 2


def test_without_names_no_contact_is_read(
    cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    feed = open_feed(cabinet)
    make_appointment(cabinet, THURSDAY)

    with count_queries() as queries:
        entries_of(feed)

    assert not [query["sql"] for query in queries if "patientcontact" in query["sql"]]


NAMES = st.text(st.characters(categories=["L"]), min_size=2, max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(first=NAMES, last=NAMES, digits=st.integers(0, 99), level=st.sampled_from([0, 1]))
def test_below_names_neither_name_nor_number_is_ever_in_the_file(
    cabinet: Cabinet, first: str, last: str, digits: int, level: int
) -> None:
    first, last = f"Zq{first}", f"Wx{last}"
    person = make_person(first_name=first, last_name=last, phone=f"+336399801{digits:02d}")
    appointment = make_appointment(cabinet, THURSDAY, person=person)
    feed = open_feed(cabinet, Level(level))

    data = feed_file(contents.contents(feed=feed, host=HOST, zone=PARIS, now=NOW))
    erasure_requests.erase_and_cancel(appointment=appointment, now=NOW)

    text = data.replace(b"\r\n ", b"").decode()
    for word in (first, last, person.phone, person.email, cabinet.type.label):
        assert word not in text


# --- When it changed -----------------------------------------------------------------------------------


def test_the_feed_is_dated_by_what_changed_last_and_by_its_midnight(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    feed = open_feed(cabinet)
    soon, tomorrow = NOW + timedelta(hours=1), NOW + timedelta(days=1)

    def dated(now: datetime) -> datetime | None:
        return contents.changed_at(feed=feed, zone=PARIS, now=now)

    assert dated(soon) == NOW
    assert dated(tomorrow) == datetime(2026, 11, 11, tzinfo=PARIS)
    erase(appointment, now=tomorrow)
    assert dated(tomorrow + timedelta(minutes=5)) == tomorrow


def test_what_has_just_changed_is_not_dated_yet(cabinet: Cabinet) -> None:
    feed = open_feed(cabinet)

    assert contents.changed_at(feed=feed, zone=PARIS, now=NOW + timedelta(seconds=59)) is None
