"""Names that only the calendar still holds: added to the page after it is shown, or replaced by a link."""

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from booking.google import names
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, Practice
from booking.patients import contacts
from booking.rules.erasure import Level
from booking.scheduling.absences import BlockedTime
from booking.scheduling.absences import add as block
from tenants.accounts.models import Role
from tenants.accounts.services.sessions import SEEN_AT
from tenants.http_gateway import OutboundRefusedError
from tenants.schema import current_unit, inside
from tests.accounts import browser, make_member
from tests.booking.google.practices import ADDRESS, Clock, LinkedPractice
from tests.factories import NOW, local
from tests.fakes.google import KNOWN

THURSDAY = local((NOW + timedelta(days=2)).date(), 10)
HOST = "agenda.lib-rdv.localhost"
LINK = "https://calendar.google.com/calendar/r/day/2026/11/12"
LIST = "calendar.events.list"


@pytest.fixture(autouse=True)
def today(clock: Clock) -> Iterator[None]:
    """Give pages the same instant as the clock of the workers."""
    with time_machine.travel(clock.now):
        yield


def erase(agenda: LinkedPractice, appointment: Appointment) -> None:
    """Erase the person here, as the due erasure does."""
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule=contacts.DUE, now=agenda.clock())


def erased(agenda: LinkedPractice, *, hour: int = 10, **fields: Any) -> Appointment:
    """Return an appointment of Thursday that only the calendar still names."""
    appointment = agenda.book(local(THURSDAY.date(), hour), **fields)
    agenda.deliver()
    erase(agenda, appointment)
    return appointment


@pytest.fixture
def agenda(linked: Callable[..., LinkedPractice]) -> LinkedPractice:
    return linked()


@pytest.fixture
def owner(agenda: LinkedPractice) -> Client:
    return member(agenda, Role.OWNER)


def member(agenda: LinkedPractice, role: Role, **fields: Any) -> Client:
    with inside(agenda.unit):
        return browser(HOST, make_member(role, **fields))


def page(name: str, *args: object) -> str:
    return reverse(f"dashboard:{name}", args=args)


def asked_by(shown: str) -> str:
    """Return the address that a page requests by itself; it requests one."""
    found = re.findall(r'hx-get="([^"]+)"', shown)
    assert len(found) == 1
    return str(found[0]).replace("&amp;", "&")


PAGES = ("today", "week", "appointment", "touched")


def address_of(name: str, agenda: LinkedPractice, appointment: Appointment) -> str:
    if name == "touched":
        with inside(agenda.unit):
            blocked = BlockedTime(
                agenda.cabinet.practitioner, appointment.starts_at, appointment.ends_at
            )
            absence = block(blocked=blocked, actor="system", now=NOW)
        return page("touched", absence.ref)
    if name == "appointment":
        return page("appointment", appointment.ref)
    return f"{page(name)}?{'jour' if name == 'today' else 'du'}=2026-11-12"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_once_for_all_its_names_and_never_waits(
    agenda: LinkedPractice, owner: Client, name: str
) -> None:
    appointment = erased(agenda)
    before = len(agenda.google.asked(LIST))

    shown = owner.get(address_of(name, agenda, appointment)).text
    filled = owner.get(asked_by(shown), headers={"X-Refresh": "1"})

    assert "Spécimen" not in shown
    assert f'data-nom="{appointment.ref.hex}"' in shown
    assert "calendar.google.com/calendar/r/" in shown  # without script the link is there
    assert f"innerHTML:[data-nom='{appointment.ref.hex}']" in filled.text
    assert ">Camille Spécimen<" in filled.text
    assert len(agenda.google.asked(LIST)) == before + 1


def test_many_lines_are_one_question(agenda: LinkedPractice, owner: Client) -> None:
    several = [erased(agenda, hour=hour, first_name=f"Lou{hour}") for hour in (9, 11, 14, 16)]
    before = len(agenda.google.asked())

    shown = owner.get(f"{page('today')}?jour=2026-11-12").text
    filled = owner.get(asked_by(shown)).text

    assert len(agenda.google.asked()) == before + 1
    assert all(f"Lou{appointment.starts_at.hour + 1} Spécimen" in filled for appointment in several)


def test_a_number_that_the_event_names_can_be_called(agenda: LinkedPractice, owner: Client) -> None:
    appointment = erased(agenda)

    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}")

    assert f"[data-voir='{appointment.ref.hex}']" in filled.text
    assert 'href="tel:+33639980104"' in filled.text
    assert LINK not in filled.text


def test_where_there_is_room_for_a_name_only_no_number_is_sent(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)

    filled = owner.get(f"{page('names')}?nom={appointment.ref.hex}").text

    assert "Camille Spécimen" in filled
    assert "tel:" not in filled
    assert "data-voir" not in filled


def test_initials_are_shown_as_the_calendar_has_them(
    linked: Callable[..., LinkedPractice], clock: Clock
) -> None:
    agenda = linked(level=Level.INITIALS)
    appointment = erased(agenda)

    filled = member(agenda, Role.OWNER).get(f"{page('names')}?rdv={appointment.ref.hex}").text

    assert "RDV C. S." in filled
    assert "tel:" not in filled


def test_what_the_practitioner_wrote_there_is_text_and_bounded(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda, first_name="<script>alert(1)</script>", last_name="x" * 300)

    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}").text

    assert "<script>" not in filled
    assert "&lt;script&gt;alert(1)" in filled
    assert "x" * 121 not in filled


# --- When Google does not answer ---------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "drop_before", "not_json", "html", "403 forbidden"])
def test_without_a_response_the_line_holds_a_link_to_google(
    agenda: LinkedPractice, owner: Client, fault: str
) -> None:
    appointment = erased(agenda)
    agenda.google.faults[LIST].append(KNOWN[fault])

    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}")

    assert filled.status_code == 200
    assert filled.text.count(f'href="{LINK}" target="_blank" rel="noreferrer noopener"') == 2
    assert "ouvrir dans Google Agenda" in filled.text
    assert "Spécimen" not in filled.text


def test_while_google_hangs_nothing_of_the_database_is_held(
    agenda: LinkedPractice, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment = erased(agenda)
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 0.5)
    states: list[str] = []

    def record_states(_method: str) -> Any:
        # With the login of the application: another login does not see the state of its connections.
        with psycopg2.connect(os.environ["DATABASE_URL"]) as own, own.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
            states.extend(row[0] for row in cursor.fetchall())
        own.close()
        return KNOWN["black_hole"]

    monkeypatch.setattr(agenda.google, "next_fault", record_states)

    started = time.perf_counter()
    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}").text
    seconds = time.perf_counter() - started
    agenda.google.black_hole.close()

    assert set(states) == {"idle"}
    assert LINK in filled
    assert seconds < 1.5
    assert current_unit() is None


def test_two_calendars_are_waited_for_together(
    agenda: LinkedPractice, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment = erased(agenda)
    with inside(agenda.unit):
        (lookup,) = names.lookups(
            refs=[appointment.ref], practitioner_ids=[agenda.cabinet.practitioner.pk], now=NOW
        )
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 0.5)
    agenda.google.black_hole.open()

    started = time.perf_counter()
    known = names.read_names([lookup] * 5)
    seconds = time.perf_counter() - started
    agenda.google.black_hole.close()

    assert known == {}
    assert seconds < 1.0


def test_a_token_that_has_ended_is_not_used_and_not_refreshed_by_a_page(
    agenda: LinkedPractice, owner: Client, clock: Clock
) -> None:
    appointment = erased(agenda)
    before = len(agenda.google.asked())

    with time_machine.travel(clock.advance(hours=2)):
        with inside(agenda.unit):
            owner = browser(HOST, make_member(Role.OWNER, "autre@example.org"))
        filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}").text

    assert LINK in filled
    assert len(agenda.google.asked()) == before


def test_a_calendar_that_is_polled_always_has_a_token_for_pages(
    agenda: LinkedPractice, clock: Clock
) -> None:
    appointment = erased(agenda)
    ids = [agenda.cabinet.practitioner.pk]

    found = []
    for _minute in range(0, 240, 5):
        now = clock.advance(minutes=5)
        due = agenda.account().poll_at
        assert due is not None
        with time_machine.travel(now):  # Google's library reads the system clock
            if due <= now:
                agenda.poll()
        with inside(agenda.unit):
            found.append(names.lookups(refs=[appointment.ref], practitioner_ids=ids, now=now))

    assert all(found)


def test_a_link_that_is_lost_leaves_the_way_to_google(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.RECONNECT)

    shown = owner.get(page("appointment", appointment.ref)).text
    filled = owner.get(asked_by(shown)).text

    assert LINK in shown
    assert LINK in filled


# --- What is not asked -------------------------------------------------------------------------------


def test_a_page_without_anything_erased_asks_nothing(agenda: LinkedPractice, owner: Client) -> None:
    appointment = agenda.book(THURSDAY)
    agenda.deliver()

    shown = [owner.get(address_of(name, agenda, appointment)).text for name in PAGES]

    assert all("hx-get" not in page_text for page_text in shown)


@pytest.mark.parametrize(
    "change",
    [
        {"level": 0},
        {"level": None},
        {"state": "deleted"},
        {"state": "gone"},
        {"account": None},
        {"cleanup_at": NOW},
    ],
    ids=str,
)
def test_a_calendar_without_names_is_not_read(
    agenda: LinkedPractice, owner: Client, change: dict[str, Any]
) -> None:
    appointment = erased(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.update(**change)
    before = len(agenda.google.asked())

    shown = owner.get(page("appointment", appointment.ref)).text
    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}").text

    assert "hx-get" not in shown
    assert "calendar.google.com" not in shown
    assert filled.strip() == ""
    assert len(agenda.google.asked()) == before


def test_a_person_who_is_not_erased_is_not_read_from_google(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = agenda.book(THURSDAY)
    agenda.deliver()
    before = len(agenda.google.asked())

    filled = owner.get(f"{page('names')}?rdv={appointment.ref.hex}").text

    assert filled.strip() == ""
    assert len(agenda.google.asked()) == before


def test_agendas_out_of_reach_are_not_read(agenda: LinkedPractice) -> None:
    appointment = erased(agenda)
    before = len(agenda.google.asked())

    stranger = member(agenda, Role.SECRETARY, entrusted=[uuid.uuid4()])
    filled = stranger.get(f"{page('names')}?rdv={appointment.ref.hex}")

    assert "Spécimen" not in filled.text
    assert len(agenda.google.asked()) == before


@pytest.mark.parametrize("sent", ["", "x", "0" * 32, "é", "'", "rdv=1"])
def test_what_names_nothing_gives_nothing(agenda: LinkedPractice, owner: Client, sent: str) -> None:
    filled = owner.get(page("names"), {"rdv": sent, "nom": sent})

    assert (filled.status_code, filled.text.strip()) == (200, "")


def test_a_hundred_lines_fit_in_one_address(agenda: LinkedPractice) -> None:
    refs = "&".join(f"rdv={'a' * 32}" for _ in range(names.MOST))

    assert len(f"GET {page('names')}?{refs} HTTP/1.1") < 4094


# --- What stays nowhere ------------------------------------------------------------------------------


def test_the_answer_is_kept_nowhere_and_counts_as_no_activity(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)
    shown = owner.get(page("appointment", appointment.ref)).text
    with inside(agenda.unit):
        seen = owner.session.get(SEEN_AT)
    agenda.clock.advance(minutes=10)

    with time_machine.travel(agenda.clock.now):
        filled = owner.get(asked_by(shown), headers={"X-Refresh": "1"})

    assert "no-store" in filled["Cache-Control"]
    assert "ETag" not in filled
    assert filled["Content-Length"] == str(len(filled.content))
    with inside(agenda.unit):
        assert owner.session.get(SEEN_AT) == seen
    assert "X-Refresh" in shown


def test_no_name_reaches_the_log(
    agenda: LinkedPractice, owner: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    appointment = erased(agenda)
    capfd.readouterr()

    owner.get(f"{page('names')}?rdv={appointment.ref.hex}")
    agenda.google.faults[LIST].append(KNOWN["not_json"])
    owner.get(f"{page('names')}?rdv={appointment.ref.hex}")

    log = "".join(capfd.readouterr())
    assert "read_between" in log
    for word in ("Spécimen", "Camille", "3998", appointment.ref.hex, ADDRESS):
        assert word not in log


def test_only_get_is_answered_and_strangers_are_sent_to_the_door(
    agenda: LinkedPractice, owner: Client
) -> None:
    assert owner.post(page("names")).status_code == 405
    assert owner.head(page("names")).status_code == 405
    assert browser(HOST).get(page("names"))["Location"].startswith("/connexion/")


def test_a_question_inside_a_unit_is_refused(agenda: LinkedPractice) -> None:
    appointment = erased(agenda)
    with inside(agenda.unit):
        found = names.lookups(
            refs=[appointment.ref], practitioner_ids=[agenda.cabinet.practitioner.pk], now=NOW
        )
        with pytest.raises(OutboundRefusedError):
            names.read_names(found)


# --- Cancelling when only the calendar knows ------------------------------------------------------------


@pytest.mark.parametrize(
    ("sms", "says", "button"),
    [
        (True, "envoie un SMS", "Prévenir la personne"),
        (False, "une tâche", "La personne est à appeler"),
    ],
)
def test_the_page_says_whether_the_person_is_notified_or_to_be_called(
    agenda: LinkedPractice, owner: Client, settings: Settings, sms: bool, says: str, button: str
) -> None:
    settings.SMS_GATEWAY = "fake" if sms else ""
    appointment = erased(agenda)
    with inside(agenda.unit):
        Practice.objects.update(sms_enabled=sms)

    shown = owner.get(page("cancel", appointment.ref)).text
    panel = owner.get(f"{page('week')}?du=2026-11-12&rdv={appointment.ref}").text

    for text in (shown, panel):
        assert says in text
        assert button in text
        assert "«\u00a0à appeler\u00a0»" in text
        assert "personne ne sera prévenu" not in text


def test_cancelling_creates_a_task_and_keeps_the_event_until_the_call(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)

    owner.post(
        page("cancel", appointment.ref),
        {"reason": "practice", "notify": "on", "sequence": appointment.sequence},
    )
    agenda.clock.advance(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        task = CalendarTask.objects.get()
    assert (task.appointment_id, task.kind, task.completed_at) == (appointment.pk, "call", None)
    assert len(agenda.google.events(ADDRESS, agenda.calendar())) == 1
    shown = owner.get(page("appointment", appointment.ref)).text
    assert "tel:+33639980104" in owner.get(asked_by(shown)).text


def test_cancelling_without_notification_deletes_the_event(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)

    owner.post(
        page("cancel", appointment.ref),
        {"reason": "practice", "notify": "", "sequence": appointment.sequence},
    )
    agenda.clock.advance(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        assert not CalendarTask.objects.exists()
    assert agenda.google.events(ADDRESS, agenda.calendar()) == []


def test_the_page_says_that_no_person_is_notified_without_a_name_in_the_calendar(
    linked: Callable[..., LinkedPractice], clock: Clock
) -> None:
    agenda = linked(level=Level.INITIALS)
    appointment = erased(agenda)

    shown = member(agenda, Role.OWNER).get(page("cancel", appointment.ref)).text

    assert "personne ne sera prévenu par lib-rdv" in shown
    assert 'name="notify" value="on"' not in shown


def test_blocking_time_leads_to_the_page_that_says_so(
    agenda: LinkedPractice, owner: Client
) -> None:
    appointment = erased(agenda)

    shown = owner.get(address_of("touched", agenda, appointment)).text

    assert f'href="{page("cancel", appointment.ref)}?retour=' in shown
