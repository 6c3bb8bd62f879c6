"""Public holidays of each territory, compared with lists written by hand."""

from datetime import date, timedelta

import pytest

from booking.rules.holidays import (
    TERRITORIES,
    public_holidays,
    territory_of,
)

EASTER = {
    2026: date(2026, 4, 5),
    2027: date(2027, 3, 28),
    2028: date(2028, 4, 16),
    2029: date(2029, 4, 1),
    2030: date(2030, 4, 21),
}


def national(year: int) -> set[date]:
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    moving = [EASTER[year] + timedelta(days=days) for days in (1, 39, 50)]
    return {date(year, *each) for each in fixed} | set(moving)


def dates(territory: str, year: int, postcode: str = "") -> set[date]:
    return set(public_holidays(territory=territory, postcode=postcode, year=year))


@pytest.mark.parametrize("year", EASTER)
@pytest.mark.parametrize("territory", ["", "FR", "PM"])
def test_the_national_list_has_eleven_days(territory: str, year: int) -> None:
    assert dates(territory, year, "64210") == national(year)


@pytest.mark.parametrize("year", EASTER)
@pytest.mark.parametrize("postcode", ["57000", "67000", "68100"])
def test_local_law_adds_good_friday_and_the_day_after_christmas(postcode: str, year: int) -> None:
    more = {EASTER[year] - timedelta(days=2), date(year, 12, 26)}

    assert dates("FR", year, postcode) == national(year) | more


@pytest.mark.parametrize("year", EASTER)
@pytest.mark.parametrize(
    ("territory", "month", "day"),
    [
        ("YT", 4, 27),
        ("MQ", 5, 22),
        ("GP", 5, 27),
        ("MF", 5, 27),
        ("GF", 6, 10),
        ("BL", 10, 9),
        ("RE", 12, 20),
    ],
)
def test_overseas_adds_the_abolition_of_slavery(
    territory: str, month: int, day: int, year: int
) -> None:
    assert dates(territory, year) == national(year) | {date(year, month, day)}


@pytest.mark.parametrize(
    ("territory", "own"),
    [("PF", date(2027, 3, 5)), ("NC", date(2027, 9, 24)), ("WF", date(2027, 7, 29))],
)
def test_the_pacific_keeps_its_own_list(territory: str, own: date) -> None:
    assert dates(territory, 2027) > national(2027)
    assert own in dates(territory, 2027)


def test_two_holidays_may_share_a_date() -> None:
    assert len(dates("", 2008)) == 10


def test_names_are_french() -> None:
    named = public_holidays(territory="RE", postcode="97400", year=2027)

    assert named[date(2027, 5, 1)] == "Fête du Travail"
    assert named[date(2027, 12, 20)] == "Abolition de l’esclavage"


def test_the_cached_list_cannot_be_changed() -> None:
    named = public_holidays(territory="", postcode="", year=2027)

    assert not hasattr(named, "pop")


@pytest.mark.parametrize(
    ("postcode", "territory"),
    [
        ("64210", ""),
        ("67000", ""),
        ("97110", "GP"),
        ("97133", "BL"),
        ("97150", "MF"),
        ("97400", "RE"),
        ("97500", "PM"),
        ("98713", "PF"),
        ("", ""),
    ],
)
def test_the_postcode_decides_the_territory(postcode: str, territory: str) -> None:
    assert territory_of(postcode) == territory
    assert territory in TERRITORIES


def test_a_postcode_is_enough_overseas() -> None:
    assert date(2027, 12, 20) in dates("", 2027, "97400")
