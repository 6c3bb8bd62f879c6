"""The month that is clicked: closing and opening dates, for who may."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking.models import Absence, OpeningException
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_practitioner

MAX_QUERIES = 32
TOMORROW = date(2026, 11, 11) + timedelta(days=1)  # the 11th is a public holiday


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def close_address(cabinet: Cabinet) -> str:
    return reverse("dashboard:day_close", args=[cabinet.practitioner.ref])


def count_free(cabinet: Cabinet, on: date) -> int:
    return len(free_slots(appointment_type=cabinet.type, from_on=on, until_on=on, now=NOW))


def test_every_date_of_the_month_is_a_link_that_says_its_state(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(TOMORROW, 9))

    text = owner.get("/espace/horaires/").text.replace("\u00a0", " ")

    assert "jeudi 12 novembre, ouvert de 9 h 00 à 18 h 00, 1 rendez-vous" in text
    assert "mercredi 11 novembre, férié, fermé (Armistice)" in text
    assert text.count("jour=2026-11-") == 30


def test_a_clicked_date_opens_its_panel(owner: Client, cabinet: Cabinet) -> None:
    text = owner.get(f"/espace/horaires/?jour={TOMORROW}").text

    assert "Fermer ce jour" in text
    assert f'id="j-{TOMORROW}"' in text
    assert text.count('aria-current="date"') == 1


@pytest.mark.parametrize("asked", ["jour=hier", "jour=1900-01-01", "mois=2026-13", "praticien=x"])
def test_an_address_that_means_nothing_shows_this_month(
    owner: Client, cabinet: Cabinet, asked: str
) -> None:
    answer = owner.get(f"/espace/horaires/?{asked}")

    assert answer.status_code == 200
    assert "Novembre 2026" in answer.text


def test_closing_a_day_takes_its_slots_away_until_it_is_opened_again(
    owner: Client, cabinet: Cabinet
) -> None:
    closed = owner.post(close_address(cabinet), {"day": TOMORROW.isoformat()}, follow=True)
    count = count_free(cabinet, TOMORROW)
    absence = Absence.objects.get()
    back = owner.post(
        reverse("dashboard:absence_remove", args=[absence.ref]),
        {"day": TOMORROW.isoformat(), "practitioner": str(cabinet.practitioner.ref)},
        follow=True,
    )

    assert "Rouvrir" in closed.text
    assert (count, absence.practitioner) == (0, cabinet.practitioner)
    assert f"jour={TOMORROW}" in back.redirect_chain[-1][0]
    assert count_free(cabinet, TOMORROW) > 5


def test_closing_a_day_lists_the_appointments_it_touches(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(TOMORROW, 9))

    answer = owner.post(close_address(cabinet), {"day": TOMORROW.isoformat()}, follow=True)

    assert reverse("dashboard:move", args=[appointment.ref]) in answer.text


def test_leave_is_closed_from_its_first_to_its_last_day(owner: Client, cabinet: Cabinet) -> None:
    last = TOMORROW + timedelta(days=7)
    typed = {"day": TOMORROW.isoformat(), "to_on": last.isoformat(), "label": "Congés"}

    owner.post(close_address(cabinet), typed)

    counts = [count_free(cabinet, TOMORROW + timedelta(days=n)) for n in (0, 7, 8)]
    assert (counts[0], counts[1]) == (0, 0)
    assert counts[2] > 5


@pytest.mark.parametrize("last", ["2026-11-11", "2028-01-01", "bientôt"])
def test_an_end_that_cannot_be_is_refused_beside_its_field(
    owner: Client, cabinet: Cabinet, last: str
) -> None:
    typed = {"day": TOMORROW.isoformat(), "to_on": last, "label": "Congés"}

    answer = owner.post(close_address(cabinet), typed)

    assert answer.status_code == 422
    assert 'value="Congés"' in answer.text
    assert not Absence.objects.exists()


def test_the_whole_practice_is_closed_by_who_leads_it_only(cabinet: Cabinet, host: str) -> None:
    make_practitioner("Hugo Fictif")
    typed = {"day": TOMORROW.isoformat(), "everybody": "on"}
    secretary, owner = (browser(host, make_member(role)) for role in (Role.SECRETARY, Role.OWNER))

    secretary.post(close_address(cabinet), typed)
    owner.post(close_address(cabinet), typed)

    closed = list(Absence.objects.order_by("pk").values_list("practitioner", flat=True))
    assert closed == [cabinet.practitioner.pk, None]


def test_a_colleague_s_month_is_out_of_sight(cabinet: Cabinet, host: str) -> None:
    colleague = make_member(Role.PRACTITIONER)
    make_practitioner("Hugo Fictif", user=colleague)
    client = browser(host, colleague)

    shown = client.get(f"/espace/horaires/?praticien={cabinet.practitioner.ref}")
    closed = client.post(close_address(cabinet), {"day": TOMORROW.isoformat()})

    assert "Maite" not in shown.text.split("<main")[1]
    assert closed.status_code == 404


def test_other_hours_start_from_those_of_the_day(owner: Client, cabinet: Cabinet) -> None:
    address = reverse("dashboard:date_edit", args=[cabinet.practitioner.ref])

    text = owner.get(f"{address}?jour={TOMORROW}").text.replace("\u00a0", " ")

    assert f'value="{TOMORROW}"' in text
    assert 'value="9 h 00"' in text
    assert 'value="18 h 00"' in text


def test_a_date_that_differs_goes_back_to_the_week_from_its_panel(
    owner: Client, cabinet: Cabinet
) -> None:
    exception = OpeningException.objects.create(
        practitioner=cabinet.practitioner, location=cabinet.location, on_date=TOMORROW
    )
    clear_address = reverse("dashboard:date_clear", args=[cabinet.practitioner.ref, exception.ref])

    shown = owner.get(f"/espace/horaires/?jour={TOMORROW}").text
    answer = owner.post(clear_address)

    assert clear_address in shown
    assert f"jour={TOMORROW}" in answer["Location"]


def test_a_busy_month_costs_as_many_queries_as_an_empty_one(
    owner: Client, cabinet: Cabinet
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            owner.get(f"/espace/horaires/?jour={TOMORROW}")
        return len(asked)

    owner.get("/espace/horaires/")
    few = queries()
    for hour in range(9, 17):
        make_appointment(cabinet, local(TOMORROW, hour))
        Absence.objects.create(
            practitioner=cabinet.practitioner,
            starts_at=local(TOMORROW + timedelta(days=hour), 8),
            ends_at=local(TOMORROW + timedelta(days=hour), 20),
        )

    assert queries() == few
    assert few <= MAX_QUERIES


def test_the_page_of_a_practice_without_an_agenda_names_the_next_step(
    owner: Client, cabinet: Cabinet
) -> None:
    cabinet.practitioner.is_active = False
    cabinet.practitioner.save(update_fields=["is_active"])

    answer = owner.get("/espace/horaires/")

    assert answer.status_code == 200
    assert "Aucun agenda ne vous est encore ouvert" in answer.text


@pytest.mark.parametrize("typed", ["9999-12-31", "0001-01-01", "hier", ""])
def test_a_date_that_nobody_means_closes_nothing(
    owner: Client, cabinet: Cabinet, typed: str
) -> None:
    """Both ends of the calendar are refused with words: they used to fail, and no date closed today."""
    answer = owner.post(close_address(cabinet), {"day": typed, "whole_day": "on"})

    assert answer.status_code == 422
    assert "Cette date ne semble pas valide" in answer.text
    assert not Absence.objects.exists()
