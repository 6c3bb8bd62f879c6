"""P1 and P2 say when the practice receives, and when it does not, as the agendas hold it."""

import html
import re
from datetime import date, timedelta

from booking.models import (
    Absence,
    AppointmentType,
    HolidayOpening,
    Location,
    OpeningException,
    Practitioner,
)
from tests.booking.web.public.conftest import Visitor, text
from tests.factories import NOW, Cabinet, local, make_hours, make_practitioner, make_type

MESSAGE = "Le cabinet est fermé pour congés."
MONDAY = date(2026, 11, 16)


def read(visitor: Visitor, path: str) -> str:
    """Return the page as it reads, no-break spaces as spaces."""
    return html.unescape(text(visitor.get(path))).replace("\u00a0", " ")


def rows(visitor: Visitor, path: str = "/") -> dict[str, str]:
    """Return the table of the hours: the days, and what stands beside them."""
    table = read(visitor, path).partition('id="horaires"')[2].partition("</table>")[0]
    found = re.findall(r'<th scope="row"> ?(.*?) ?</th> <td> ?(.*?) ?</td>', table)
    return {re.sub("<[^>]+>", "", days): hours.replace("<br> ", " / ") for days, hours in found}


def away(
    first: date, last: date, *, practitioner: Practitioner | None = None, expected: str = MESSAGE
) -> None:
    Absence.objects.create(
        practitioner=practitioner,
        starts_at=local(first, 0),
        ends_at=local(last + timedelta(days=1), 0),
        label="Opération du genou",
        public_message=expected,
    )


# --- Hours ----------------------------------------------------------------------------------------------


def test_days_with_the_same_hours_stand_on_one_line(visitor: Visitor) -> None:
    assert rows(visitor) == {"lundi au vendredi": "9 h – 18 h", "samedi, dimanche": "fermé"}


def test_the_hours_are_those_of_the_appointment_type_that_is_chosen(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    other = make_type([cabinet.practitioner], [cabinet.location], label="Bilan")
    (evening,) = make_hours(
        cabinet.practitioner, cabinet.location, weekdays=[1], starts_min=19 * 60, ends_min=20 * 60
    )
    evening.appointment_types.add(other)

    assert "19 h" not in str(rows(visitor, f"/?motif={cabinet.type.ref.hex}"))
    assert rows(visitor, f"/?motif={other.ref.hex}")["mardi (aujourd'hui)"] == (
        "9 h – 18 h / 19 h – 20 h"
    )


def test_hours_of_some_weeks_say_so(visitor: Visitor, cabinet: Cabinet) -> None:
    make_hours(
        cabinet.practitioner,
        cabinet.location,
        weekdays=[5],
        ends_min=12 * 60,
        every_n_weeks=2,
        anchor_on=MONDAY,
    )

    assert rows(visitor)["samedi"] == "9 h – 12 h, une semaine sur deux"


def test_colleagues_who_take_turns_are_there_every_week(visitor: Visitor, cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)
    for practitioner, anchor in (
        (cabinet.practitioner, MONDAY),
        (other, MONDAY + timedelta(days=7)),
    ):
        make_hours(
            practitioner,
            cabinet.location,
            weekdays=[5],
            ends_min=12 * 60,
            every_n_weeks=2,
            anchor_on=anchor,
        )

    assert rows(visitor)["samedi"] == "9 h – 12 h"


def test_hours_that_are_over_or_not_begun_are_not_shown(visitor: Visitor, cabinet: Cabinet) -> None:
    yesterday, tomorrow = (NOW.date() + timedelta(days=days) for days in (-1, 1))
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[6], valid_to=yesterday)
    make_hours(cabinet.practitioner, cabinet.location, weekdays=[6], valid_from=tomorrow)

    assert "samedi, dimanche" in rows(visitor)


def test_a_practice_without_hours_shows_no_table(visitor: Visitor, cabinet: Cabinet) -> None:
    for row in cabinet.hours:
        row.delete()

    page = read(visitor, "/")

    assert 'id="horaires"' not in page
    assert "Aucun créneau libre" in page


# --- Absences -------------------------------------------------------------------------------------------


def test_a_coming_absence_is_announced_without_its_reason(visitor: Visitor) -> None:
    away(MONDAY, MONDAY + timedelta(days=5))

    page = read(visitor, "/")

    assert "Du lundi 16 novembre au samedi 21 novembre :" in page
    assert MESSAGE in page
    assert "genou" not in page


def test_an_absence_without_a_message_says_nothing(visitor: Visitor) -> None:
    away(MONDAY, MONDAY, expected="")

    assert 'class="alert"' not in read(visitor, "/").partition('class="next"')[0]


def test_an_absence_far_away_is_not_announced_yet(visitor: Visitor) -> None:
    far = NOW.date() + timedelta(days=40)
    away(far, far)

    assert MESSAGE not in read(visitor, "/")
    assert MESSAGE in read(visitor, f"/creneaux/?semaine={far}")


def test_a_week_says_on_each_day_why_nothing_is_free(visitor: Visitor) -> None:
    away(MONDAY, MONDAY + timedelta(days=1))

    page = read(visitor, f"/creneaux/?semaine={MONDAY}")

    days = {
        found[0]: found[1] for found in re.findall(r'id="j(\d+)">(.*?)</section>', page, re.DOTALL)
    }
    assert MESSAGE in days["16"]
    assert MESSAGE in days["17"]
    assert MESSAGE not in days["18"]


def test_of_several_the_one_who_is_away_is_named(visitor: Visitor, cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)
    away(MONDAY, MONDAY, practitioner=other, expected="Hugo est en formation.")

    assert "Lundi 16 novembre, Hugo Fictif :" in read(visitor, "/")
    only = f"/?motif={cabinet.type.ref.hex}&avec={cabinet.practitioner.ref.hex}"
    assert "en formation" not in read(visitor, only)


def test_the_absence_of_somebody_else_is_not_announced(visitor: Visitor) -> None:
    away(MONDAY, MONDAY, practitioner=make_practitioner("Hugo Fictif"))

    assert MESSAGE not in read(visitor, "/")


# --- Holidays -------------------------------------------------------------------------------------------


def test_a_closed_holiday_says_so_and_one_that_is_opened_and_full_does_not(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    wednesday = date(2026, 11, 11)
    week = f"/creneaux/?semaine={wednesday}"
    before = read(visitor, week)
    HolidayOpening.objects.create(location=cabinet.location, on_date=wednesday)
    AppointmentType.objects.update(min_notice_min=3 * 24 * 60)  # nothing of that day can be taken

    after = read(visitor, week)

    assert "Jour férié" in before
    assert "Jour férié" not in after
    assert "Rien de libre" in after


def test_a_customary_day_is_closed_and_not_called_a_holiday(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    """Shrove Tuesday is no holiday by law: the page of a practice that closes then says that it is closed."""
    tuesday = date(2027, 2, 9)
    week = f"/creneaux/?semaine={tuesday}"
    AppointmentType.objects.update(horizon_days=200)
    before = read(visitor, week)
    Location.objects.update(territory="MQ", customary_days="mardi_gras")

    after = read(visitor, week)

    assert ("Fermé" in before, "Fermé" in after) == (False, True)
    assert "Jour férié" not in after


def test_a_holiday_with_hours_of_its_own_is_offered_and_when_full_not_called_a_holiday(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    wednesday = date(2026, 11, 11)
    week = f"/creneaux/?semaine={wednesday}"
    OpeningException.objects.create(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=wednesday,
        starts_min=16 * 60,
        ends_min=17 * 60,
    )
    offered = read(visitor, week)
    AppointmentType.objects.update(min_notice_min=3 * 24 * 60)  # nothing of that day can be taken

    full = read(visitor, week)

    assert "16 h 00" in offered
    assert "Jour férié" not in offered
    assert "Jour férié" not in full
    assert "Rien de libre" in full
