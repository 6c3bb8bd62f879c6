"""Public holidays of each territory, compared with lists written by hand from the law, and with a package."""

from datetime import date, timedelta

import pytest
from dateutil.easter import easter as easter_of_dateutil  # type: ignore[import-untyped]
from holidays import country_holidays

from booking.rules.holidays import (
    CUSTOMARY,
    TERRITORIES,
    customary_days,
    easter,
    public_holidays,
    territory_of,
)

YEARS = range(2026, 2031)

NATIONAL = {
    2026: "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25",
    2027: "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25",
    2028: "01-01 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25",
    2029: "01-01 04-02 05-01 05-08 05-10 05-21 07-14 08-15 11-01 11-11 12-25",
    2030: "01-01 04-22 05-01 05-08 05-30 06-10 07-14 08-15 11-01 11-11 12-25",
}
"""Article L3133-1 of the code du travail, each date written out."""
GOOD_FRIDAY = {2026: "04-03", 2027: "03-26", 2028: "04-14", 2029: "03-30", 2030: "04-19"}
ALSO = {
    # (territory, postcode): what its law adds, GF for Good Friday
    ("", "64210"): "",
    ("FR", "75001"): "",
    ("PM", "97500"): "",
    ("", "57000"): "GF 12-26",  # L3134-13
    ("FR", "67000"): "GF 12-26",
    ("", "68100"): "GF 12-26",
    ("YT", "97600"): "04-27",  # L3422-2, 1° to 6°
    ("MQ", "97200"): "05-22",
    ("GP", "97110"): "05-27",
    ("MF", "97150"): "05-27",
    ("GF", "97300"): "06-10",
    ("BL", "97133"): "10-09",
    ("RE", "97400"): "12-20",
    ("PF", "98713"): "03-05 GF 11-20",  # loi du pays adopted on 6 May 2025: no 29 June from 2026 on
    ("NC", "98800"): "09-24",
    ("WF", "98600"): "04-28 06-29 07-29",
}


def written(words: str, year: int) -> set[date]:
    """Return the dates of a line of the tables above."""
    text = words.replace("GF", GOOD_FRIDAY[year])
    return {date.fromisoformat(f"{year}-{day}") for day in text.split()}


def dates(territory: str, year: int, postcode: str = "", customary: str = "") -> set[date]:
    """Return the holidays that the product knows."""
    return set(
        public_holidays(territory=territory, postcode=postcode, year=year, customary=customary)
    )


def test_every_territory_is_in_the_table() -> None:
    assert {territory for territory, _ in ALSO} >= set(TERRITORIES)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("place", ALSO, ids=str)
def test_each_territory_has_the_holidays_of_its_law(place: tuple[str, str], year: int) -> None:
    territory, postcode = place

    expected = written(NATIONAL[year], year) | written(ALSO[place], year)

    assert dates(territory, year, postcode) == expected
    assert dates("", year, postcode) == expected  # the postcode is enough


PACKAGE = {"57": "57", "GF": "973", "RE": "974", "YT": "976", "MQ": "972", "GP": "971"}
USAGE = {"Mi-Carême", "Vendredi saint", "Fête de Victor Schoelcher"}


@pytest.mark.parametrize("year", range(2026, 2060))
@pytest.mark.parametrize("territory", [*TERRITORIES, "57"])
def test_a_second_opinion_agrees(territory: str, year: int) -> None:
    """The package has customary days of the Antilles, and for Saint-Martin another date than L3422-2."""
    known = country_holidays(
        "FR", subdiv=PACKAGE.get(territory, territory) or None, years=year, language="fr"
    )
    found = {
        on for on, name in known.items() if territory not in {"GP", "MF", "MQ"} or name not in USAGE
    }
    if territory == "MF":
        found = found - {date(year, 5, 28)} | {date(year, 5, 27)}
        found |= dates("", year)  # the 28th may be another holiday
    postcode = "57000" if territory == "57" else ""

    assert dates("" if postcode else territory, year, postcode) == found


def test_easter_is_that_of_the_gregorian_calendar() -> None:
    assert [easter(year) for year in range(1900, 2300)] == [
        easter_of_dateutil(year) for year in range(1900, 2300)
    ]


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


# --- Customary days ----------------------------------------------------------------------------------------

CUSTOM = {
    "second_january": {2026: "01-02", 2027: "01-02", 2030: "01-02"},
    "lundi_gras": {2026: "02-16", 2027: "02-08", 2030: "03-04"},
    "mardi_gras": {2026: "02-17", 2027: "02-09", 2030: "03-05"},
    "ash_wednesday": {2026: "02-18", 2027: "02-10", 2030: "03-06"},
    "mi_careme": {2026: "03-12", 2027: "03-04", 2030: "03-28"},
    "good_friday": {2026: "04-03", 2027: "03-26", 2030: "04-19"},
    "autonomy": {2026: "06-29", 2027: "06-29", 2030: "06-29"},
    "schoelcher": {2026: "07-21", 2027: "07-21", 2030: "07-21"},
    "saint_barthelemy": {2026: "08-24", 2027: "08-24", 2030: "08-24"},
    "all_souls": {2026: "11-02", 2027: "11-02", 2030: "11-02"},
}


def test_each_customary_day_is_on_its_date() -> None:
    found = {
        code: {year: f"{feast.on(year):%m-%d}" for year in (2026, 2027, 2030)}
        for code, feast in CUSTOMARY.items()
    }

    assert found == CUSTOM


def usual(territory: str) -> tuple[str, ...]:
    """Return the codes that a territory is offered."""
    return customary_days(territory=territory, postcode="")


@pytest.mark.parametrize("territory", TERRITORIES)
def test_a_customary_day_closes_only_where_it_was_chosen(territory: str) -> None:
    for code in usual(territory):
        day = CUSTOMARY[code].on(2027)

        assert day not in dates(territory, 2027)
        assert dates(territory, 2027, customary=code) - dates(territory, 2027) == {day}


def test_customary_days_are_offered_where_they_are_usual() -> None:
    assert "mi_careme" in usual("GP")
    assert "mi_careme" not in usual("MQ")
    assert {"good_friday", "schoelcher"} <= {*usual("GP")} & {*usual("MQ")} & {*usual("MF")}
    assert "schoelcher" not in usual("GF")
    assert "saint_barthelemy" in usual("BL")
    assert [usual(place) for place in ("", "RE", "YT", "PM", "NC", "WF")] == [()] * 6
    assert customary_days(territory="", postcode="67000") == ()
    assert customary_days(territory="", postcode="97200") == usual("MQ")


def test_a_code_that_is_not_usual_at_a_place_closes_nothing() -> None:
    """A place that moves to another territory keeps no day of the former."""
    assert dates("RE", 2027, customary="schoelcher mardi_gras x") == dates("RE", 2027)


def test_a_public_holiday_keeps_its_name_beside_a_customary_day() -> None:
    named = public_holidays(territory="PF", postcode="", year=2027, customary="autonomy")

    assert named[date(2027, 6, 29)] == "Fête de l’autonomie"
    assert named[date(2027, 1, 1)] == "Jour de l’an"


def test_the_moving_days_follow_easter() -> None:
    assert easter(2027) == date(2027, 3, 28)
    assert CUSTOMARY["mardi_gras"].on(2027) == date(2027, 3, 28) - timedelta(days=47)
