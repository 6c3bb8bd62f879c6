"""Statistics: counters that outlive the rows, small numbers told as small, a table for spreadsheets."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from booking.agenda.statistics import Report, report
from booking.erasure import cleanup
from booking.models import (
    Absence,
    Appointment,
    AppointmentType,
    DailyCount,
    DailyOpening,
    HolidayOpening,
    OpeningException,
    OpeningHours,
)
from booking.patients import contacts
from booking.scheduling.open_minutes import note_openings, opened_minutes
from booking.web.dashboard.statistics.views import harmless
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_practitioner,
    make_type,
)
from tests.page_text import collapsed

MONDAY = date(2026, 11, 2)
PAGE = reverse("dashboard:statistics")
TABLE = reverse("dashboard:statistics_table")
WEEK = {"du": "2026-11-02", "au": "2026-11-08"}
MUCH_LATER = NOW + timedelta(days=60)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def booked(
    cabinet: Cabinet, count: int, *, status: str = "fulfilled", on: date = MONDAY, ahead: int = 4
) -> list[Appointment]:
    """Return appointments of one day, each an hour after the other, booked days ahead."""
    made = [
        make_appointment(
            cabinet,
            local(on, 8) + timedelta(hours=number),
            now=local(on, 12) - timedelta(days=ahead),
        )
        for number in range(count)
    ]
    Appointment.objects.filter(pk__in=[appointment.pk for appointment in made]).update(
        status=status
    )
    return made


def of(cabinet: Cabinet, first: date = MONDAY, last: date = date(2026, 11, 8)) -> Report:
    """Return the report of the practitioner."""
    return report(practitioner_ids=[cabinet.practitioner.pk], from_on=first, until_on=last)


def minutes(cabinet: Cabinet, on: date) -> int:
    """Return how many minutes the practitioner is open on a day."""
    practitioner = cabinet.practitioner.pk
    return opened_minutes(practitioner_ids=[practitioner], from_on=on, until_on=on)[
        practitioner, on
    ]


def cells(client: Client, **asked: str) -> list[list[str]]:
    """Return the rows of the downloaded table."""
    text = client.get(TABLE, asked or WEEK).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";"))


def test_the_sums_of_a_week(cabinet: Cabinet) -> None:
    booked(cabinet, 8)
    booked(cabinet, 2, status="noshow", on=date(2026, 11, 3))
    booked(cabinet, 3, status="cancelled_by_patient", on=date(2026, 11, 4))

    total = of(cabinet).total

    assert (total.visits, total.absent, total.cancelled) == (10, 2, 3)
    assert total.minutes == 10 * 45
    assert total.opened == 5 * 540
    assert total.fill_rate == pytest.approx(100 * 450 / 2700)
    assert total.lead == 4


def test_figures_outlive_the_erasure_and_the_deletion_of_the_rows(cabinet: Cabinet) -> None:
    booked(cabinet, 8)
    booked(cabinet, 2, status="noshow", on=date(2026, 11, 3), ahead=9)
    booked(cabinet, 3, status="cancelled_by_practitioner", on=date(2026, 11, 4))
    before = of(cabinet)

    contacts.erase_due(now=MUCH_LATER)
    erased = of(cabinet)
    cleanup.count_and_delete(now=MUCH_LATER)

    assert not Appointment.objects.exists()
    assert erased == before
    assert of(cabinet) == before


def test_a_day_counted_in_two_batches_is_summed(cabinet: Cabinet) -> None:
    booked(cabinet, 6)
    before = of(cabinet)
    contacts.erase_due(now=MUCH_LATER)

    for _batch in range(3):
        cleanup.count_and_delete(now=MUCH_LATER, limit=2)

    kept = DailyCount.objects.get()
    assert (kept.count, kept.minutes, kept.lead_days) == (6, 6 * 45, 6 * 4)
    assert of(cabinet) == before


def test_a_visit_written_down_afterwards_was_not_booked_ahead(cabinet: Cabinet) -> None:
    booked(cabinet, 5, ahead=-3)
    before = of(cabinet).total

    contacts.erase_due(now=MUCH_LATER)
    cleanup.count_and_delete(now=MUCH_LATER)

    assert before.lead_days == of(cabinet).total.lead_days == 0


def test_holds_are_no_bookings(cabinet: Cabinet) -> None:
    appointment = booked(cabinet, 1)[0]
    Appointment.objects.filter(pk=appointment.pk).update(
        status="held", booked_at=None, held_until=NOW + timedelta(minutes=5)
    )

    assert of(cabinet).total.visits == 0


def test_figures_never_read_a_contact(cabinet: Cabinet, count_queries: Callable[[], Any]) -> None:
    booked(cabinet, 6)

    with count_queries() as queries:
        of(cabinet)

    sent = " ".join(query["sql"] for query in queries)
    assert "patientcontact" not in sent
    assert "keyring" not in sent


# --- Opening --------------------------------------------------------------------------------------------


def test_opening_follows_the_hours_as_slots_do(cabinet: Cabinet) -> None:
    practitioner, place = cabinet.practitioner, cabinet.location
    OpeningException.objects.create(
        practitioner=practitioner, location=place, on_date=date(2026, 11, 3)
    )
    OpeningException.objects.create(
        practitioner=practitioner,
        location=place,
        on_date=date(2026, 11, 8),
        starts_min=600,
        ends_min=660,
    )
    Absence.objects.create(
        practitioner=practitioner,
        starts_at=local(date(2026, 11, 4), 12),
        ends_at=local(date(2026, 11, 4), 20),
    )
    Absence.objects.create(
        starts_at=local(date(2026, 11, 5), 0), ends_at=local(date(2026, 11, 6), 0)
    )

    days = [minutes(cabinet, MONDAY + timedelta(days=shift)) for shift in range(7)]

    assert days == [540, 0, 180, 0, 540, 0, 60]


def test_two_places_at_the_same_hour_count_once(cabinet: Cabinet) -> None:
    from tests.factories import make_location

    make_hours(cabinet.practitioner, make_location(name="Annexe"), weekdays=[0], ends_min=20 * 60)

    assert minutes(cabinet, MONDAY) == 660


def test_a_holiday_is_closed_unless_it_is_opened(cabinet: Cabinet) -> None:
    armistice = date(2026, 11, 11)
    closed = minutes(cabinet, armistice)
    HolidayOpening.objects.create(location=cabinet.location, on_date=armistice)

    assert (closed, minutes(cabinet, armistice)) == (0, 540)


@pytest.mark.parametrize(
    ("on", "length"), [(date(2026, 3, 29), 23 * 60), (date(2026, 10, 25), 24 * 60)]
)
def test_nights_on_which_clocks_move_have_their_own_length(
    cabinet: Cabinet, on: date, length: int
) -> None:
    OpeningHours.objects.all().delete()
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[6], starts_min=0, ends_min=1440)

    # The repeated hour of autumn is closed, as it is for patients.
    assert minutes(cabinet, on) == length


def test_hours_that_change_later_change_no_past_figure(cabinet: Cabinet) -> None:
    booked(cabinet, 6)
    before = of(cabinet).total.fill_rate

    note_openings(now=NOW)
    OpeningHours.objects.all().delete()

    assert of(cabinet).total.fill_rate == before
    assert minutes(cabinet, date(2026, 11, 9)) == 0  # yesterday is not past everywhere yet


def test_days_are_noted_once(cabinet: Cabinet) -> None:
    first = note_openings(now=NOW)

    assert first == DailyOpening.objects.count() > 30
    assert note_openings(now=NOW) == 0


def test_weeks_before_the_first_visit_are_not_empty_weeks(cabinet: Cabinet) -> None:
    booked(cabinet, 6)

    assert of(cabinet, date(2026, 9, 7)).total.opened == 5 * 540


# --- The page -------------------------------------------------------------------------------------------


def test_the_page_shows_figures_charts_and_tables(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 9)

    shown = owner.get(PAGE, WEEK).text

    assert "<strong>9</strong>" in shown
    assert shown.count('role="img"') == 2
    assert "02/11/2026</th>" in shown
    assert 'height="90"' in shown  # nine of ten
    assert "style=" not in shown.partition("<main")[2]


def test_an_empty_period_says_what_to_do(owner: Client) -> None:
    assert "Aucun rendez-vous dans cette période" in owner.get(PAGE).text


@pytest.mark.parametrize("count", [1, 4])
def test_small_numbers_are_marked_as_small_everywhere(
    owner: Client, cabinet: Cabinet, count: int
) -> None:
    booked(cabinet, count)

    page, lines = owner.get(PAGE, WEEK).text, cells(owner)

    assert "<strong>moins de 5</strong>" in page
    assert 'class="few" x="0" y="96" width="9" height="4"' in collapsed(page)
    assert {line[2] for line in lines[1:]} == {"moins de 5"}
    # Neither a rate nor an average from which the number could be computed.
    assert {value for line in lines[1:] for value in line[5:]} == {"–"}


def test_a_sum_does_not_betray_the_small_number_in_it(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 8)
    booked(cabinet, 3, on=date(2026, 11, 9))

    lines = cells(owner, du="2026-11-02", au="2026-11-10")

    # The period, its two weeks, its one appointment type.
    assert [line[2] for line in lines[1:]] == ["environ 10", "8", "moins de 5", "environ 10"]
    assert "," not in lines[1][6]


def test_weeks_do_not_betray_a_small_appointment_type(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 8)
    rare = make_type([cabinet.practitioner], [cabinet.location], label="Rare", position=5)
    for appointment in booked(cabinet, 2, on=date(2026, 11, 3)):
        Appointment.objects.filter(pk=appointment.pk).update(appointment_type=rare)

    lines = cells(owner)

    assert [line[2] for line in lines[1:]] == ["environ 10", "10", "environ 10", "moins de 5"]


def test_the_same_chart_whatever_the_small_number(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 2)
    two = owner.get(PAGE, WEEK).text.partition("<svg viewBox")[2].partition("</svg>")[0]
    booked(cabinet, 2, on=date(2026, 11, 3))
    four = owner.get(PAGE, WEEK).text.partition("<svg viewBox")[2].partition("</svg>")[0]

    assert two == four


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"du": "2026-11-08", "au": "2026-11-02"}, "Le premier jour vient avant le dernier"),
        ({"du": "2020-01-01", "au": "2026-11-02"}, "Un an au plus"),
        ({"du": "hier", "au": "2026-11-02"}, "Cette date ne semble pas valide"),
        ({"du": "2026-11-02"}, "Ce champ est obligatoire"),
        ({"du": "9999-12-31", "au": "9999-12-31"}, "Le premier jour vient avant le dernier"),
        ({"du": "0001-01-01", "au": "0001-01-01"}, "Cette date est trop ancienne"),
    ],
)
def test_a_period_that_is_none_is_said_so(
    owner: Client, asked: dict[str, str], expected: str
) -> None:
    answer = owner.get(PAGE, asked)

    assert answer.status_code == 422
    assert expected in answer.text
    assert owner.get(TABLE, asked).status_code == 200


def test_a_period_ends_today_at_the_latest(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 6, on=date(2026, 11, 16), ahead=20)

    assert (
        "Du 02/11/2026 au 10/11/2026"
        in owner.get(PAGE, {"du": "2026-11-02", "au": "2026-12-31"}).text
    )


def test_a_practitioner_sees_their_own_figures_only(cabinet: Cabinet, host: str) -> None:
    booked(cabinet, 9)
    colleague = make_member(Role.PRACTITIONER)
    make_practitioner("Hugo Fictif", user=colleague, position=1)

    client = browser(host, colleague)
    shown = client.get(PAGE, WEEK).text
    asked = client.get(PAGE, {**WEEK, "qui": str(cabinet.practitioner.ref)})

    assert "Aucun rendez-vous dans cette période" in shown
    assert asked.status_code == 404


def test_one_agenda_can_be_chosen(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 9)
    other = make_practitioner("Hugo Fictif", position=1)

    all_of_them = owner.get(PAGE, WEEK).text
    his = owner.get(PAGE, {**WEEK, "qui": str(other.ref)}).text
    unknown = owner.get(PAGE, {**WEEK, "qui": "x"})

    assert "<strong>9</strong>" in all_of_them
    assert "Aucun rendez-vous dans cette période" in his
    assert unknown.status_code == 404


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.REPLACEMENT])
def test_others_see_no_figures(cabinet: Cabinet, host: str, role: Role) -> None:
    member = browser(host, make_member(role, entrusted=[cabinet.practitioner.ref]))

    assert [member.get(PAGE).status_code, member.get(TABLE).status_code] == [403, 403]


@pytest.mark.parametrize("count", [0, 1, 9])
def test_the_page_costs_the_same_whatever_was_booked(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any], count: int
) -> None:
    booked(cabinet, count)

    with count_queries() as queries:
        owner.get(PAGE, WEEK)

    sent = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith("SELECT")]
    assert len(sent) <= 16, sent


def test_ten_thousand_kept_counts_are_summed_by_the_database(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO booking_dailycount ("on", practitioner_id, appointment_type_id, status, count,'
            " minutes, lead_days) SELECT date '2025-12-01' + n / 30, %s, %s, 'fulfilled' || n %% 30, 1,"
            " 45, 3 FROM generate_series(0, 9999) AS n",
            [cabinet.practitioner.pk, cabinet.type.pk],
        )
    note_openings(now=NOW)

    answer = owner.get(PAGE, {"du": "2025-12-01", "au": "2026-11-10"})

    assert "environ 10000" in answer.text or "<strong>10000</strong>" in answer.text


# --- The file -------------------------------------------------------------------------------------------


def test_the_file_is_what_french_spreadsheets_read(owner: Client, cabinet: Cabinet) -> None:
    booked(cabinet, 7)
    booked(cabinet, 6, status="noshow", on=date(2026, 11, 3), ahead=5)

    answer = owner.get(TABLE, WEEK)
    text = answer.content.decode()
    head, period, *_others = cells(owner)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="statistiques-2026-11-02-2026-11-08.csv"' in answer["Content-Disposition"]
    assert text.startswith("\ufeffPar;Libellé;Rendez-vous;")
    assert text.count("\r\n") == len(text.splitlines())
    assert len(head) == 8
    assert period == ["période", "Période", "13", "0", "6", "46,2", "21,7", "4,5"]


@pytest.mark.parametrize(
    "label", ["=1+1", "+33", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("x";"y")']
)
def test_an_appointment_type_is_no_formula(owner: Client, cabinet: Cabinet, label: str) -> None:
    booked(cabinet, 6)
    AppointmentType.objects.update(label=label)

    found = [line[1] for line in cells(owner) if line[0] == "appointment_type"]

    assert found == [f"'{label}"]


@pytest.mark.parametrize("label", ["Suivi", "Bilan; 2", 'Dit "long"', "Après-midi"])
def test_a_plain_appointment_type_stays_as_it_is(label: str) -> None:
    assert harmless(label) == label


def test_looking_at_figures_writes_nothing(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    booked(cabinet, 6)
    owner.get(PAGE, WEEK)

    with count_queries() as queries:
        owner.get(PAGE, WEEK)

    written = [
        query["sql"] for query in queries if "INSERT" in query["sql"] or "DELETE" in query["sql"]
    ]
    assert written == []
    assert not DailyOpening.objects.exists()


def test_the_first_day_is_read_from_what_was_kept_too(cabinet: Cabinet) -> None:
    booked(cabinet, 6)
    before: datetime = local(MONDAY, 8)
    contacts.erase_due(now=MUCH_LATER)
    cleanup.count_and_delete(now=MUCH_LATER)

    assert before.date() == MONDAY
    assert of(cabinet).total.opened == 5 * 540
