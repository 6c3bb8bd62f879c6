import datetime as dt
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.template import Context, Template
from django.utils import timezone

from booking.formats import french

TODAY = dt.date(2026, 11, 10)


def test_a_day_of_this_year_has_no_year() -> None:
    assert french.long_day(dt.date(2026, 11, 24), today=TODAY) == "mardi\xa024\xa0novembre"


def test_a_day_of_another_year_says_its_year() -> None:
    assert french.long_day(dt.date(2027, 1, 4), today=TODAY) == "lundi\xa04\xa0janvier\xa02027"


def test_the_first_of_a_month_is_premier() -> None:
    assert french.legal_day(dt.date(2027, 8, 1)) == "1er\xa0août\xa02027"


def test_a_minute_of_the_day_reads_as_an_hour() -> None:
    assert [french.minute_of_day(minute) for minute in (0, 9 * 60, 14 * 60 + 5, 24 * 60)] == [
        "0\xa0h",
        "9\xa0h",
        "14\xa0h\xa005",
        "24\xa0h",
    ]


def test_a_frequency_is_written_in_words() -> None:
    assert french.one_week_in(1) == "toutes les semaines"
    assert [french.one_week_in(weeks) for weeks in (2, 8)] == [
        "une semaine sur deux",
        "une semaine sur huit",
    ]


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (dt.time(9, 0), "9\xa0h"),
        (dt.time(14, 30), "14\xa0h\xa030"),
        (dt.time(8, 5), "8\xa0h\xa005"),
        (dt.time(0, 0), "0\xa0h"),
    ],
)
def test_hours_are_written_as_in_a_sentence(time: dt.time, written: str) -> None:
    assert french.hour(time) == written


def test_a_moment_joins_day_and_hour_without_a_break_before_the_hour() -> None:
    moment = dt.datetime(2026, 11, 24, 14, 30, tzinfo=ZoneInfo("Europe/Paris"))

    assert french.day_and_hour(moment, today=TODAY) == "mardi\xa024\xa0novembre à\xa014\xa0h\xa030"


@pytest.mark.parametrize(
    ("zone", "mention"),
    [
        ("Europe/Paris", ""),
        ("Indian/Reunion", " (heure de La Réunion)"),
        ("America/St_Barthelemy", " (heure de Saint-Barthélemy)"),
    ],
)
def test_the_hour_is_named_away_from_paris_only(zone: str, mention: str) -> None:
    assert french.zone_mention(ZoneInfo(zone)) == mention


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("06 90 12 34 56", "GP", "+590690123456"),
        ("06 12 34 56 78", "GP", "+33612345678"),
        ("0692 12 34 56", "RE", "+262692123456"),
        ("0639 69 12 34", "YT", "+262639691234"),
        ("05 36 49 00 12", "FR", "+33536490012"),
        ("+41 79 123 45 67", "FR", "+41791234567"),
    ],
)
def test_a_number_is_read_in_its_territory(typed: str, region: str, number: str) -> None:
    assert french.read_phone(typed, region=region) == number


@pytest.mark.parametrize("typed", ["", "12", "3639", "15", "0892 70 12 39", "abc", "06 12 34 56"])
def test_numbers_that_reach_no_person_are_refused(typed: str) -> None:
    with pytest.raises(french.UnreadablePhoneError):
        french.read_phone(typed, region="FR")


@pytest.mark.parametrize(
    ("number", "mobile"),
    [
        ("+33612345678", True),
        ("+33712345678", True),
        ("+590690123456", True),
        ("+590691123456", True),
        ("+594694123456", True),
        ("+596696123456", True),
        ("+596697123456", True),
        ("+262692123456", True),
        ("+262693123456", True),
        ("+262639123456", True),
        ("+33536490012", False),
        ("+33187654321", False),
        ("+262262123456", False),
        ("+590590123456", False),
        ("+41791234567", False),
    ],
)
def test_an_sms_goes_to_french_mobiles_only(number: str, mobile: bool) -> None:
    assert french.is_mobile(number) is mobile


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+33536490012", "05\xa036\xa049\xa000\xa012"),
        ("+262692123456", "06\xa092\xa012\xa034\xa056"),
        ("+41791234567", "+41\xa079\xa0123\xa045\xa067"),
    ],
)
def test_a_number_is_shown_as_it_is_dialled(number: str, written: str) -> None:
    assert french.phone(number) == written


# --- Filters of templates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("in_full", "1er novembre 2026"),
        ("in_its_year", "1er novembre"),
        ("in_full_with_hour", "1er novembre 2026, 0 h 30"),
        ("in_its_year_with_hour", "1er novembre, 0 h 30"),
        ("weekday_and_hour", "dimanche 1er novembre, 0 h 30"),
        ("weekday_in_full", "dimanche 1er novembre 2026, 0 h 30"),
    ],
)
def test_an_instant_is_written_in_the_zone_of_the_page(name: str, text: str) -> None:
    moment = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.UTC)
    page = Template(f"{{% load french %}}{{{{ moment|{name} }}}}")

    with timezone.override(ZoneInfo("Europe/Paris")):
        shown = page.render(Context({"moment": moment}))

    assert shown.replace("\u00a0", " ") == text


def test_no_template_writes_the_first_of_a_month_as_a_bare_one() -> None:
    folder = Path(django_settings.BASE_DIR) / "templates"
    written = {
        path.name
        for path in folder.rglob("*")
        if path.is_file() and re.search(r'date:"[^"]*\bj [FM]', path.read_text("utf-8"))
    }

    assert written == set()
