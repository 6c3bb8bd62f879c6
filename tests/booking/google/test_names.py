"""Names that only the calendar still holds: filled in after the page, in memory, or a link to look there."""

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

from booking.event_body import Level
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, Practice
from booking.services import contacts
from booking.services.absences import add as block
from booking.services.google import names
from tenants.accounts.models import Role
from tenants.accounts.services.sessions import SEEN_AT
from tenants.outbound import OutboundRefusedError
from tenants.schema import current_unit, inside
from tests.accounts import browser, make_member
from tests.booking.google.conftest import ADDRESS, Clock, Linked
from tests.factories import NOW, local
from tests.fakes.google import KNOWN

THURSDAY = local((NOW + timedelta(days=2)).date(), 10)
HOST = "agenda.lib-rdv.localhost"
LINK = "https://calendar.google.com/calendar/r/day/2026/11/12"
LIST = "calendar.events.list"


@pytest.fixture(autouse=True)
def today(clock: Clock) -> Iterator[None]:
    """Pages read the clock: it shows what the workers' shows."""
    with time_machine.travel(clock.now):
        yield


def erase(agenda: Linked, appointment: Appointment) -> None:
    """Erase the person here, as the purge does."""
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule=contacts.DUE, now=agenda.clock())


def erased(agenda: Linked, *, hour: int = 10, **fields: Any) -> Appointment:
    """Return an appointment of Thursday that only the calendar still names."""
    held = agenda.book(local(THURSDAY.date(), hour), **fields)
    agenda.deliver()
    erase(agenda, held)
    return held


@pytest.fixture
def agenda(linked: Callable[..., Linked]) -> Linked:
    return linked()


@pytest.fixture
def owner(agenda: Linked) -> Client:
    return member(agenda, Role.OWNER)


def member(agenda: Linked, role: Role, **fields: Any) -> Client:
    with inside(agenda.unit):
        return browser(HOST, make_member(role, **fields))


def page(name: str, *args: object) -> str:
    return reverse(f"dashboard:{name}", args=args)


def asked_by(shown: str) -> str:
    """Return the address that a page asks by itself; it asks once."""
    found = re.findall(r'hx-get="([^"]+)"', shown)
    assert len(found) == 1
    return str(found[0]).replace("&amp;", "&")


PAGES = ("today", "week", "appointment", "touched")


def address_of(name: str, agenda: Linked, held: Appointment) -> str:
    if name == "touched":
        with inside(agenda.unit):
            absence = block(
                practitioner=agenda.cabinet.practitioner,
                starts_at=held.starts_at,
                ends_at=held.ends_at,
                label="",
                public_message="",
                actor="system",
                now=NOW,
            )
        return page("touched", absence.ref)
    if name == "appointment":
        return page("appointment", held.ref)
    return f"{page(name)}?{'jour' if name == 'today' else 'du'}=2026-11-12"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_once_for_all_its_names_and_never_waits(
    agenda: Linked, owner: Client, name: str
) -> None:
    held = erased(agenda)
    before = len(agenda.google.asked(LIST))

    shown = owner.get(address_of(name, agenda, held)).text
    filled = owner.get(asked_by(shown), headers={"X-Refresh": "1"})

    assert "Spécimen" not in shown
    assert f'data-nom="{held.ref.hex}"' in shown
    assert "calendar.google.com/calendar/r/" in shown  # without script the link is there
    assert f"innerHTML:[data-nom='{held.ref.hex}']" in filled.text
    assert ">Camille Spécimen<" in filled.text
    assert len(agenda.google.asked(LIST)) == before + 1


def test_many_lines_are_one_question(agenda: Linked, owner: Client) -> None:
    several = [erased(agenda, hour=hour, first_name=f"Lou{hour}") for hour in (9, 11, 14, 16)]
    before = len(agenda.google.asked())

    shown = owner.get(f"{page('today')}?jour=2026-11-12").text
    filled = owner.get(asked_by(shown)).text

    assert len(agenda.google.asked()) == before + 1
    assert all(f"Lou{held.starts_at.hour + 1} Spécimen" in filled for held in several)


def test_a_number_that_the_event_names_can_be_called(agenda: Linked, owner: Client) -> None:
    held = erased(agenda)

    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}")

    assert f"[data-voir='{held.ref.hex}']" in filled.text
    assert 'href="tel:+33639980104"' in filled.text
    assert LINK not in filled.text


def test_where_there_is_room_for_a_name_only_no_number_is_sent(
    agenda: Linked, owner: Client
) -> None:
    held = erased(agenda)

    filled = owner.get(f"{page('names')}?nom={held.ref.hex}").text

    assert "Camille Spécimen" in filled
    assert "tel:" not in filled
    assert "data-voir" not in filled


def test_initials_are_shown_as_the_calendar_has_them(
    linked: Callable[..., Linked], clock: Clock
) -> None:
    agenda = linked(level=Level.INITIALS)
    held = erased(agenda)

    filled = member(agenda, Role.OWNER).get(f"{page('names')}?rdv={held.ref.hex}").text

    assert "RDV C. S." in filled
    assert "tel:" not in filled


def test_what_the_practitioner_wrote_there_is_text_and_bounded(
    agenda: Linked, owner: Client
) -> None:
    held = erased(agenda, first_name="<script>alert(1)</script>", last_name="x" * 300)

    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}").text

    assert "<script>" not in filled
    assert "&lt;script&gt;alert(1)" in filled
    assert "x" * 121 not in filled


# --- When Google does not answer ---------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "drop_before", "not_json", "html", "403 forbidden"])
def test_without_an_answer_the_line_says_where_to_look(
    agenda: Linked, owner: Client, fault: str
) -> None:
    held = erased(agenda)
    agenda.google.faults[LIST].append(KNOWN[fault])

    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}")

    assert filled.status_code == 200
    assert filled.text.count(f'href="{LINK}" target="_blank" rel="noreferrer noopener"') == 2
    assert "ouvrir dans Google Agenda" in filled.text
    assert "Spécimen" not in filled.text


def test_while_google_hangs_nothing_of_the_database_is_held(
    agenda: Linked, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = erased(agenda)
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 0.5)
    states: list[str] = []

    def look(_method: str) -> Any:
        # By the application's own login: another one does not see what it is doing.
        with psycopg2.connect(os.environ["DATABASE_URL"]) as own, own.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
            states.extend(row[0] for row in cursor.fetchall())
        own.close()
        return KNOWN["black_hole"]

    monkeypatch.setattr(agenda.google, "next_fault", look)

    started = time.perf_counter()
    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}").text
    seconds = time.perf_counter() - started
    agenda.google.black_hole.close()

    assert set(states) == {"idle"}
    assert LINK in filled
    assert seconds < 1.5
    assert current_unit() is None


def test_two_calendars_are_waited_for_together(
    agenda: Linked, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = erased(agenda)
    with inside(agenda.unit):
        (one,) = names.lookups(
            refs=[held.ref], practitioner_ids=[agenda.cabinet.practitioner.pk], now=NOW
        )
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 0.5)
    agenda.google.black_hole.open()

    started = time.perf_counter()
    known = names.ask([one] * 5)
    seconds = time.perf_counter() - started
    agenda.google.black_hole.close()

    assert known == {}
    assert seconds < 1.0


def test_a_token_that_has_ended_is_not_used_and_not_refreshed_by_a_page(
    agenda: Linked, owner: Client, clock: Clock
) -> None:
    held = erased(agenda)
    before = len(agenda.google.asked())

    with time_machine.travel(clock.pass_(hours=2)):
        with inside(agenda.unit):
            owner = browser(HOST, make_member(Role.OWNER, "autre@example.org"))
        filled = owner.get(f"{page('names')}?rdv={held.ref.hex}").text

    assert LINK in filled
    assert len(agenda.google.asked()) == before


def test_a_calendar_that_is_polled_always_has_a_token_for_pages(
    agenda: Linked, clock: Clock
) -> None:
    held = erased(agenda)
    ids = [agenda.cabinet.practitioner.pk]

    found = []
    for _minute in range(0, 240, 5):
        now = clock.pass_(minutes=5)
        due = agenda.account().poll_at
        assert due is not None
        with time_machine.travel(now):  # Google's library has a clock of its own
            if due <= now:
                agenda.poll()
        with inside(agenda.unit):
            found.append(names.lookups(refs=[held.ref], practitioner_ids=ids, now=now))

    assert all(found)


def test_a_link_that_is_lost_leaves_the_way_to_google(agenda: Linked, owner: Client) -> None:
    held = erased(agenda)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.State.RECONNECT)

    shown = owner.get(page("appointment", held.ref)).text
    filled = owner.get(asked_by(shown)).text

    assert LINK in shown
    assert LINK in filled


# --- What is not asked -------------------------------------------------------------------------------


def test_a_page_without_anything_erased_asks_nothing(agenda: Linked, owner: Client) -> None:
    held = agenda.book(THURSDAY)
    agenda.deliver()

    shown = [owner.get(address_of(name, agenda, held)).text for name in PAGES]

    assert all("hx-get" not in one for one in shown)


@pytest.mark.parametrize(
    "change",
    [
        {"level": 0},
        {"level": None},
        {"state": "deleted"},
        {"state": "gone"},
        {"account": None},
        {"cleans_at": NOW},
    ],
    ids=str,
)
def test_a_calendar_that_names_nobody_is_not_asked(
    agenda: Linked, owner: Client, change: dict[str, Any]
) -> None:
    held = erased(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.update(**change)
    before = len(agenda.google.asked())

    shown = owner.get(page("appointment", held.ref)).text
    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}").text

    assert "hx-get" not in shown
    assert "calendar.google.com" not in shown
    assert filled.strip() == ""
    assert len(agenda.google.asked()) == before


def test_somebody_who_is_still_known_here_is_not_read_from_google(
    agenda: Linked, owner: Client
) -> None:
    held = agenda.book(THURSDAY)
    agenda.deliver()
    before = len(agenda.google.asked())

    filled = owner.get(f"{page('names')}?rdv={held.ref.hex}").text

    assert filled.strip() == ""
    assert len(agenda.google.asked()) == before


def test_agendas_out_of_reach_are_not_read(agenda: Linked) -> None:
    held = erased(agenda)
    before = len(agenda.google.asked())

    stranger = member(agenda, Role.SECRETARY, entrusted=[uuid.uuid4()])
    filled = stranger.get(f"{page('names')}?rdv={held.ref.hex}")

    assert "Spécimen" not in filled.text
    assert len(agenda.google.asked()) == before


@pytest.mark.parametrize("sent", ["", "x", "0" * 32, "é", "'", "rdv=1"])
def test_what_names_nothing_gives_nothing(agenda: Linked, owner: Client, sent: str) -> None:
    filled = owner.get(page("names"), {"rdv": sent, "nom": sent})

    assert (filled.status_code, filled.text.strip()) == (200, "")


def test_a_hundred_lines_fit_in_one_address(agenda: Linked) -> None:
    refs = "&".join(f"rdv={'a' * 32}" for _ in range(names.MOST))

    assert len(f"GET {page('names')}?{refs} HTTP/1.1") < 4094


# --- What stays nowhere ------------------------------------------------------------------------------


def test_the_answer_is_kept_nowhere_and_counts_as_no_activity(
    agenda: Linked, owner: Client
) -> None:
    held = erased(agenda)
    shown = owner.get(page("appointment", held.ref)).text
    with inside(agenda.unit):
        seen = owner.session.get(SEEN_AT)
    agenda.clock.pass_(minutes=10)

    with time_machine.travel(agenda.clock.now):
        filled = owner.get(asked_by(shown), headers={"X-Refresh": "1"})

    assert "no-store" in filled["Cache-Control"]
    assert "ETag" not in filled
    assert filled["Content-Length"] == str(len(filled.content))
    with inside(agenda.unit):
        assert owner.session.get(SEEN_AT) == seen
    assert "X-Refresh" in shown


def test_no_name_reaches_the_log(
    agenda: Linked, owner: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    held = erased(agenda)
    capfd.readouterr()

    owner.get(f"{page('names')}?rdv={held.ref.hex}")
    agenda.google.faults[LIST].append(KNOWN["not_json"])
    owner.get(f"{page('names')}?rdv={held.ref.hex}")

    said = "".join(capfd.readouterr())
    assert "read_between" in said
    for word in ("Spécimen", "Camille", "3998", held.ref.hex, ADDRESS):
        assert word not in said


def test_only_get_is_answered_and_strangers_are_sent_to_the_door(
    agenda: Linked, owner: Client
) -> None:
    assert owner.post(page("names")).status_code == 405
    assert owner.head(page("names")).status_code == 405
    assert browser(HOST).get(page("names"))["Location"].startswith("/connexion/")


def test_a_question_inside_a_unit_is_refused(agenda: Linked) -> None:
    held = erased(agenda)
    with inside(agenda.unit):
        found = names.lookups(
            refs=[held.ref], practitioner_ids=[agenda.cabinet.practitioner.pk], now=NOW
        )
        with pytest.raises(OutboundRefusedError):
            names.ask(found)


# --- Cancelling when only the calendar knows ------------------------------------------------------------


@pytest.mark.parametrize(
    ("sms", "says", "button"),
    [
        (True, "envoie un SMS", "Annuler et prévenir la personne"),
        (False, "une tâche", "Annuler, la personne est à appeler"),
    ],
)
def test_the_page_says_who_will_be_told(
    agenda: Linked, owner: Client, settings: Settings, sms: bool, says: str, button: str
) -> None:
    settings.SMS_GATEWAY = "fake" if sms else ""
    held = erased(agenda)
    with inside(agenda.unit):
        Practice.objects.update(sms_enabled=sms)

    shown = owner.get(page("cancel", held.ref)).text
    panel = owner.get(f"{page('week')}?du=2026-11-12&rdv={held.ref}").text

    for one in (shown, panel):
        assert says in one
        assert button in one
        assert "«\u00a0à appeler\u00a0»" in one
        assert "personne ne sera prévenu" not in one


def test_cancelling_so_leaves_a_task_and_the_event_until_somebody_has_called(
    agenda: Linked, owner: Client
) -> None:
    held = erased(agenda)

    owner.post(page("cancel", held.ref), {"tell": "on", "sequence": held.sequence})
    agenda.clock.pass_(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        task = CalendarTask.objects.get()
    assert (task.appointment_id, task.kind, task.done_at) == (held.pk, "call", None)
    assert len(agenda.google.events(ADDRESS, agenda.calendar())) == 1
    shown = owner.get(page("appointment", held.ref)).text
    assert "tel:+33639980104" in owner.get(asked_by(shown)).text


def test_cancelling_without_telling_takes_the_event_away(agenda: Linked, owner: Client) -> None:
    held = erased(agenda)

    owner.post(page("cancel", held.ref), {"tell": "", "sequence": held.sequence})
    agenda.clock.pass_(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        assert not CalendarTask.objects.exists()
    assert agenda.google.events(ADDRESS, agenda.calendar()) == []


def test_without_a_calendar_that_names_nobody_is_told(
    linked: Callable[..., Linked], clock: Clock
) -> None:
    agenda = linked(level=Level.INITIALS)
    held = erased(agenda)

    shown = member(agenda, Role.OWNER).get(page("cancel", held.ref)).text

    assert "personne ne sera prévenu par lib-rdv" in shown
    assert 'name="tell" value="on"' not in shown


def test_blocking_time_leads_to_the_page_that_says_so(agenda: Linked, owner: Client) -> None:
    held = erased(agenda)

    shown = owner.get(address_of("touched", agenda, held)).text

    assert f'href="{page("cancel", held.ref)}?retour=' in shown
