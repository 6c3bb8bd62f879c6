"""The agenda as a grid: what stands where, the choice that is kept, and what a page does with a late form."""

import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from booking.agenda import week
from booking.agenda.week import Busy
from booking.appointments.cancel import cancel
from booking.formats.names import split_name
from booking.models import (
    Absence,
    AgendaChoice,
    Appointment,
    HolidayOpening,
    OpeningException,
    PatientContact,
)
from tenants.accounts.idle import NOT_ACTIVITY
from tenants.accounts.models import Role
from tenants.accounts.services.sessions import SEEN_AT
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_location,
    make_practitioner,
)
from tests.page_forms import shown_values

TODAY = date(2026, 11, 10)
TOMORROW = date(2026, 11, 12)  # the 11th is a public holiday


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def typed(cabinet: Cabinet, hour: str = "14:00", **fields: str) -> dict[str, Any]:
    """Return what the small form sends."""
    return {
        "name": "Lou Échantillon",
        "contact": "",
        "practitioner": cabinet.practitioner.ref,
        "appointment_type": cabinet.type.ref,
        "place": cabinet.location.ref,
        "day": TOMORROW.isoformat(),
        "hour": hour,
        "form_ref": uuid.uuid4(),
        "return_to": "agenda",
        **fields,
    }


# --- What stands where ------------------------------------------------------------------------------------
def test_free_time_is_drawn_once_where_its_starts_touch(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TOMORROW, 12))

    shown = owner.get(page("week"), {"du": TOMORROW.isoformat(), "vue": "jour"}).text

    assert "h9 m0 q3" in shown
    assert "h12 m45 q5 d15" in shown
    assert "heure=09:00&amp;lieu=" in shown


def test_time_taken_elsewhere_blocked_time_and_holidays_differ(
    owner: Client, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(cabinet.practitioner.pk, local(TOMORROW, 10), local(TOMORROW, 11))
    monkeypatch.setattr(week, "busy_between", lambda **_where: [busy])
    Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=local(TOMORROW, 14),
        ends_at=local(TOMORROW, 16),
        label="Formation",
    )

    shown = owner.get(page("week"), {"du": TODAY.isoformat()}).text

    assert "ev busy h10 m0 q1" in shown
    assert "ev block h14 m0 q2" in shown
    assert 'class="shut"' in shown
    assert "Armistice" in shown


def test_a_holiday_with_an_appointment_shows_it(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(date(2026, 11, 11), 9))

    shown = owner.get(page("week"), {"du": TODAY.isoformat()}).text

    assert "Spécimen" in shown
    assert "Férié" in shown


def test_a_holiday_with_hours_of_its_own_is_a_day_like_any_other(
    owner: Client, cabinet: Cabinet
) -> None:
    OpeningException.objects.create(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=date(2026, 11, 11),
        starts_min=10 * 60,
        ends_min=12 * 60,
    )

    shown = owner.get(page("week"), {"du": TODAY.isoformat()}).text

    assert "Férié" not in shown
    assert "Armistice" not in shown


@pytest.mark.parametrize("now", [NOW, NOW + timedelta(days=5), NOW + timedelta(days=40)])
def test_a_holiday_of_this_week_keeps_its_name_when_it_is_past(
    cabinet: Cabinet, now: datetime
) -> None:
    def closed_holidays() -> Mapping[date, str]:
        return week.read_days(
            practitioners=[cabinet.practitioner],
            first=date(2026, 11, 9),
            last=date(2026, 11, 15),
            starts_at=local(date(2026, 11, 9), 0),
            ends_at=local(date(2026, 11, 16), 0),
            now=now,
        ).closed_holidays

    before = closed_holidays()
    HolidayOpening.objects.create(location=cabinet.location, on_date=date(2026, 11, 11))

    assert before == {date(2026, 11, 11): "Armistice"}
    assert closed_holidays() == {}


def test_a_row_without_a_name_is_drawn_by_its_reference(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    PatientContact.objects.all().delete()

    shown = owner.get(page("week"), {"du": TOMORROW.isoformat()}).text

    assert appointment.spoken_ref in shown
    assert "data-mute" in shown


def test_what_stands_over_another_says_so_and_shares_the_width(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))
    owner.post(page("book"), typed(cabinet, overbook="on"))

    shown = owner.get(page("week"), {"du": TOMORROW.isoformat()}).text

    assert "en surnombre" in shown
    assert "w2 c0" in shown
    assert "w2 c1" in shown
    overbooked = Appointment.objects.get(is_overbooked=True)
    assert "En surnombre" in owner.get(page("appointment", overbooked.ref)).text


def test_a_taken_hour_proposes_to_stand_over_it(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(TOMORROW, 14))

    refused = owner.post(page("book"), typed(cabinet))

    assert refused.status_code == 409
    assert 'type="checkbox" name="overbook"' in refused.text
    assert not Appointment.objects.filter(is_overbooked=True).exists()


@pytest.mark.parametrize(("today", "columns"), [(date(2026, 11, 14), 6), (date(2026, 11, 15), 7)])
def test_today_is_always_in_its_week_even_an_empty_sunday(
    cabinet: Cabinet, host: str, today: date, columns: int
) -> None:
    with time_machine.travel(local(today, 10), tick=False):
        shown = browser(host, make_member(Role.OWNER)).get(page("week")).text

    assert shown.count('<section class="wd') == columns
    assert shown.count('<section class="wd today') == 1


def test_a_refused_booking_reads_each_list_once(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    make_practitioner("Hugo Fictif")
    make_location(name="Annexe")
    make_appointment(cabinet, local(TOMORROW, 14))
    owner.post(page("book"), typed(cabinet))

    with count_queries() as asked:
        refused = owner.post(page("book"), typed(cabinet))

    assert refused.status_code == 409
    assert len(asked) <= 20


@pytest.mark.parametrize("field", ["practitioner", "appointment_type", "place"])
@pytest.mark.parametrize("sent", ["", "x", "0" * 32, "\x00"])
def test_what_is_not_on_a_list_is_no_choice(
    owner: Client, cabinet: Cabinet, field: str, sent: str
) -> None:
    refused = owner.post(page("book"), typed(cabinet, **{field: sent}))

    assert refused.status_code == 422
    assert 'value="Lou Échantillon"' in refused.text


def test_columns_are_practitioners_or_places(owner: Client, cabinet: Cabinet) -> None:
    other = make_location(name="Annexe")
    cabinet.type.locations.add(other)
    make_appointment(cabinet, local(TOMORROW, 14))

    owner.post(page("agenda_choice") + "?du=2026-11-12", {"columns": "lieux"})
    shown = owner.get(page("week"), {"du": TOMORROW.isoformat()}).text

    assert 'data-name="Annexe"' in shown
    assert f'data-place="{cabinet.location.ref}"' in shown
    assert "Par praticien" in shown


def test_the_choice_is_kept_with_the_account(owner: Client, host: str) -> None:
    answer = owner.post(page("agenda_choice") + "?du=2026-11-12", {"span": "jour"})
    owner.post(page("agenda_choice"), {"vue": "siècle"})
    choice = AgendaChoice.objects.get()
    elsewhere = browser(host, choice.user).get(page("week"), {"du": "2026-11-12"}).text

    assert answer["Location"] == page("week") + "?du=2026-11-12"
    assert choice.span == "jour"
    assert "jeudi 12 novembre 2026" in elsewhere


def test_single_key_shortcuts_can_be_turned_off_and_on_again(owner: Client) -> None:
    before = owner.get(page("week")).text
    owner.post(page("agenda_choice"), {"keys": "off"})
    without = owner.get(page("week")).text
    owner.post(page("agenda_choice"), {"keys": "on"})

    assert "data-keys" in before
    assert "data-keys" not in without
    assert AgendaChoice.objects.get().has_keys


def test_a_reading_of_the_agenda_changes_no_choice(owner: Client) -> None:
    owner.get(page("week"), {"vue": "jour", "colonnes": "lieux"})

    assert not AgendaChoice.objects.exists()


@pytest.mark.parametrize("asked", ["", "demain", "0001-01-01", "9999-12-31"])
def test_any_date_of_an_address_shows_a_page(owner: Client, asked: str) -> None:
    assert owner.get(page("week"), {"du": asked}).status_code == 200


def test_a_secretary_sees_the_columns_entrusted_to_them(cabinet: Cabinet, host: str) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)
    make_hours(other, cabinet.location)
    secretary = make_member(Role.SECRETARY, entrusted=[other.ref])

    shown = browser(host, secretary).get(page("week"), {"du": TOMORROW.isoformat()}).text

    assert "Hugo Fictif" in shown
    assert f'data-practitioner="{cabinet.practitioner.ref}"' not in shown


@pytest.mark.parametrize("count", [1, 40])
def test_reading_the_days_takes_at_most_eight_queries(
    cabinet: Cabinet, count_queries: Callable[[], Any], count: int
) -> None:
    cabinet.type.locations.add(make_location(name="Annexe"))
    cabinet.type.duration_min = 10
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(count):
        make_appointment(cabinet, local(TODAY, 9) + timedelta(minutes=10 * number))

    with count_queries() as queries:
        read = week.read_days(
            practitioners=[cabinet.practitioner],
            first=TODAY,
            last=TOMORROW,
            starts_at=local(TODAY, 0),
            ends_at=local(TOMORROW, 24 - 1),
            now=NOW,
        )

    assert len(read.visits) == count
    assert read.visits[0].name == "Spécimen"
    assert len(queries) <= 8
    assert read.closed_holidays == {date(2026, 11, 11): "Armistice"}


# --- Booking, moving, undoing from the grid -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Camille Spécimen", ("Camille", "Spécimen")),
        ("SPÉCIMEN Camille", ("Camille", "SPÉCIMEN")),
        ("DE LA DUNE Marie Lou", ("Marie Lou", "DE LA DUNE")),
        ("Spécimen, Camille", ("Camille", "Spécimen")),
        ("Spécimen", ("", "Spécimen")),
        ("SPÉCIMEN", ("", "SPÉCIMEN")),
        ("Camille de la Dune", ("Camille", "de la Dune")),
        ("  ", ("", "")),
        (",", ("", "")),
    ],
)
def test_one_field_holds_the_name(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


def test_booking_from_the_grid_comes_back_to_it(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(page("book"), typed(cabinet))

    appointment = Appointment.objects.get()
    assert answer["Location"] == f"{page('week')}?du=2026-11-12&rdv={appointment.ref}"
    assert "Aucun rappel ne partira" in owner.get(answer["Location"]).text


def drag(owner: Client, appointment: Appointment, **fields: str) -> Any:
    """Send what a drag sends: the column, the day and the hour, no more."""
    sent = {"sequence": str(appointment.sequence), "day": TOMORROW.isoformat(), "hour": "16:00"}
    return owner.post(
        page("move", appointment.ref), {**sent, "return_to": "agenda", "notify": "", **fields}
    )


def test_a_drag_moves_and_can_be_undone_once(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    answer = drag(owner, appointment, notify="on")
    moved = Appointment.objects.get()
    shown = owner.get(answer["Location"])
    undo = dict(shown.context["undo"])
    owner.post(page(undo.pop("action"), uuid.UUID(undo.pop("ref"))), {**undo, "anyway": "on"})

    assert moved.starts_at == local(TOMORROW, 16)
    assert "Remettre comme c’était" in shown.text
    back = Appointment.objects.get()
    assert (back.starts_at, back.sequence) == (local(TOMORROW, 14), 2)
    # Who was told of the move is told that it is taken back.
    assert OutboxEntry.objects.filter(kind="booking.moved").count() == 2


def test_the_way_back_is_shown_once_and_never_to_a_refresh(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    address = drag(owner, appointment)["Location"]

    refreshed = owner.get(address, headers={NOT_ACTIVITY: "1"}).context["undo"]
    first, second = (owner.get(address).context["undo"] for _ in range(2))

    assert refreshed is None
    assert first is not None
    assert second is None


def test_a_drag_outside_the_hours_warns_and_keeps_what_was_asked(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    warned = drag(owner, appointment, hour="20:00")

    assert warned.status_code == 422
    assert "en dehors de vos horaires" in warned.text
    assert 'value="20:00"' in warned.text


@pytest.mark.parametrize("name", ["move", "cancel", "resize"])
def test_the_second_of_two_secretaries_is_warned_and_loses_nothing(
    owner: Client, cabinet: Cabinet, name: str
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    drag(owner, appointment)
    sent = {"until": "15:30", "hour": "17:15", "sequence": str(appointment.sequence), "notify": ""}
    sent["reason"] = "person"

    late = owner.post(page(name, appointment.ref), sent)

    unchanged = Appointment.objects.get()
    assert late.status_code == 409
    assert "Quelqu’un a changé ce rendez-vous" in late.text
    assert "16\u00a0h" in late.text
    assert 'name="sequence" value="1"' in late.text
    assert {"move": "17:15", "cancel": "", "resize": "15:30"}[name] in late.text
    assert (unchanged.starts_at, unchanged.status) == (local(TOMORROW, 16), "booked")


def test_a_late_correction_shows_what_the_other_wrote(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    shown = shown_values(owner.get(page("correct", appointment.ref)).text)
    owner.post(page("correct", appointment.ref), shown | {"phone": "06 39 98 01 05"})

    sent = shown | {"phone": "06 39 98 01 06"}
    late = owner.post(page("correct", appointment.ref), sent)

    assert late.status_code == 409
    assert "06 39 98 01 06" in late.text
    assert "Valeur actuelle : +33639980105" in late.text.replace("\u00a0", " ")
    assert "Quelqu’un a changé" in late.text


def test_a_length_is_changed_by_its_form(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    asked = owner.get(page("resize", appointment.ref))
    sent = {"until": "15h30", "sequence": "0", "notify": "on"}
    owner.post(page("resize", appointment.ref), sent)

    assert "Jusqu’à" in asked.text
    assert Appointment.objects.get().ends_at == local(TOMORROW, 15, 30)
    assert OutboxEntry.objects.filter(kind="booking.moved").count() == 1


def test_a_length_can_be_taken_back(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    sent = {"until": "15h30", "sequence": "0", "notify": "", "return_to": "agenda"}

    answer = owner.post(page("resize", appointment.ref), sent)
    undo = dict(owner.get(answer["Location"]).context["undo"])
    owner.post(page(undo.pop("action"), appointment.ref), undo)

    assert Appointment.objects.get().ends_at == appointment.ends_at


@pytest.mark.parametrize(("until", "status"), [("13h", 409), ("rien", 422), ("", 422)])
def test_a_length_that_is_none_is_said_beside_its_field(
    owner: Client, cabinet: Cabinet, until: str, status: int
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))

    answer = owner.post(page("resize", appointment.ref), {"until": until, "sequence": "0"})

    assert answer.status_code == status
    assert 'aria-invalid="true"' in answer.text


def test_a_confirmation_is_sent_again_but_not_twice_in_a_row(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14), now=NOW - timedelta(hours=1))

    owner.post(page("resend", appointment.ref))
    owner.post(page("resend", appointment.ref))

    assert OutboxEntry.objects.filter(kind="booking.confirmation").count() == 2


def test_nothing_is_sent_again_to_nobody(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14), now=NOW - timedelta(hours=1))
    PatientContact.objects.all().delete()

    answer = owner.post(page("resend", appointment.ref), follow=True)

    assert "Rien à renvoyer" in answer.text
    assert OutboxEntry.objects.filter(kind="booking.confirmation").count() == 1


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("failed", "refused", "Sa messagerie a refusé le message"),
        ("failed", "unreachable", "Notre service d’envoi n’a pas répondu"),
        ("failed", "not_accepted", "son adresse n’est pas en cause"),
        ("failed", "KeyError", "Le message n’a pas pu être remis"),
        ("no_channel", "", "ajoutez son e-mail"),
        ("not_sent", "late", "Appelez la personne"),
        ("not_sent", "stopped", "ne veut plus de rappel"),
    ],
)
def test_a_message_that_failed_says_why_and_what_to_do(
    owner: Client, cabinet: Cabinet, state: str, reason: str, expected: str
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    OutboxEntry.objects.filter(kind="booking.reminder").update(
        state=state, reason=reason, finished_at=NOW
    )

    shown = owner.get(page("appointment", appointment.ref)).text
    assert expected in shown
    assert ("Sa messagerie" in shown) == (reason == "refused")


# --- Blocking ----------------------------------------------------------------------------------------------
def test_tomorrow_is_closed_by_one_press(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(page("block"), {"practitioner": "", "quick": "tomorrow"})

    absence = Absence.objects.get()
    assert answer["Location"] == page("touched", absence.ref)
    assert (absence.starts_at, absence.ends_at) == (
        local(date(2026, 11, 11), 0),
        local(date(2026, 11, 12), 0),
    )


def test_the_rest_of_today_begins_now(owner: Client, cabinet: Cabinet) -> None:
    owner.post(page("block"), {"practitioner": cabinet.practitioner.ref, "quick": "rest_of_today"})

    assert Absence.objects.get().starts_at == NOW


def test_each_appointment_of_a_blocked_time_takes_one_press(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = [make_appointment(cabinet, local(TOMORROW, hour)) for hour in (9, 10, 11)]
    owner.post(
        page("block"),
        {"practitioner": "", "from_on": "2026-11-12", "to_on": "2026-11-12"},
    )
    address = page("touched", Absence.objects.get().ref)
    shown = owner.get(address)
    item = shown.context["touched"][0]
    back = shown.context["return_to"]
    slot, at = item.offers[0]

    sent = {"sequence": "0", "return_to": back, "notify": "on"}
    moved = owner.post(
        page("move", appointment[0].ref), {**sent, "day": f"{at:%Y-%m-%d}", "hour": f"{at:%H:%M}"}
    )
    cancelled = owner.post(page("cancel", appointment[1].ref), {**sent, "reason": "practice"})
    left = owner.get(address).context["touched"]

    assert moved["Location"] == cancelled["Location"] == address
    assert Appointment.objects.get(pk=appointment[0].pk).starts_at == slot.starts_at
    assert [row.row.appointment.pk for row in left] == [appointment[2].pk]
    notifications = OutboxEntry.objects.filter(
        kind__in=["booking.moved", "booking.cancelled_by_pract"]
    )
    assert notifications.count() == 2


def test_no_free_time_is_offered_to_two_persons(owner: Client, cabinet: Cabinet) -> None:
    for hour in (9, 10, 11, 14, 15):
        make_appointment(cabinet, local(TOMORROW, hour))
    owner.post(page("block"), {"practitioner": "", "from_on": "2026-11-12", "to_on": "2026-11-12"})

    shown = owner.get(page("touched", Absence.objects.get().ref)).context["touched"]

    offered = [slot.starts_at for item in shown for slot, _at in item.offers]
    assert len(offered) == len(set(offered)) == 15


def test_a_secretary_closes_no_agenda_out_of_reach(cabinet: Cabinet, host: str) -> None:
    other = make_practitioner("Hugo Fictif")
    secretary = make_member(Role.SECRETARY, entrusted=[other.ref])
    absence = Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=local(TOMORROW, 9),
        ends_at=local(TOMORROW, 12),
    )
    client = browser(host, secretary)

    seen = client.get(page("touched", absence.ref))
    client.post(page("block"), {"practitioner": cabinet.practitioner.ref, "quick": "tomorrow"})

    assert seen.status_code == 404
    assert Absence.objects.count() == 1


# --- Refreshing ----------------------------------------------------------------------------------------------
def test_the_page_learns_that_something_changed_by_one_question(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 14))
    version = owner.get(page("week")).context["version"]
    asked = {"If-None-Match": f'"{version}"', NOT_ACTIVITY: "1"}

    with count_queries() as queries:
        same = owner.get(page("pulse"), headers=asked)
    own = [
        query["sql"]
        for query in queries
        if "django_session" not in query["sql"]
        and "accounts_user" not in query["sql"]
        and query["sql"].lstrip().upper().startswith("SELECT")
    ]
    cancel(appointment=appointment, by_patient=True, actor="patient", now=NOW)
    changed = owner.get(page("pulse"), headers=asked)

    assert (same.status_code, changed.status_code) == (304, 200)
    assert len(own) == 1


def test_an_erasure_changes_the_page_too(owner: Client, cabinet: Cabinet) -> None:
    from booking.patients import contacts  # only here

    make_appointment(cabinet, local(TOMORROW, 14))
    before = owner.get(page("pulse"))["ETag"]
    PatientContact.objects.update(erase_at=NOW)
    contacts.erase_due(now=NOW)

    assert owner.get(page("pulse"))["ETag"] != before


def test_asking_by_itself_is_no_activity(owner: Client) -> None:
    owner.get(page("week"))
    session = owner.session
    session[SEEN_AT] -= 600
    session.save()

    owner.get(page("pulse"), headers={NOT_ACTIVITY: "1"})

    assert owner.session[SEEN_AT] == session[SEEN_AT]
