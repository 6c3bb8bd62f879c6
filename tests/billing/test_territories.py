"""Territories: the postcodes that mislead, in a table (F-12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.territories import Territory, UnknownPostcode, country_of, territory_of


@pytest.mark.parametrize(
    ("postcode", "territory"),
    [
        ("64210", "FR"),
        ("01000", "FR"),
        ("95880", "FR"),
        ("20000", "FR"),  # Corsica
        ("20600", "FR"),
        ("67 000", "FR"),
        ("97100", "GP"),
        ("97139", "GP"),
        ("97133", "BL"),  # begins like Guadeloupe
        ("97150", "MF"),  # begins like Guadeloupe
        ("97200", "MQ"),
        ("97300", "GF"),
        ("97400", "RE"),
        ("97500", "PM"),
        ("97600", "YT"),
        ("97660", "YT"),
        ("97700", "BL"),
        ("97800", "MF"),
        ("98000", "MC"),
        ("98400", "TF"),
        ("98600", "WF"),
        ("98714", "PF"),
        ("98800", "NC"),
    ],
)
def test_a_french_postcode_names_its_territory(postcode: str, territory: str) -> None:
    assert territory_of("FR", postcode) == territory


@pytest.mark.parametrize(
    "postcode",
    ["", "6421", "642100", "2A000", "00100", "96000", "97000", "97900", "98100", "99000", "٦٤٢١٠"],
)
def test_a_postcode_of_no_territory_is_refused(postcode: str) -> None:
    with pytest.raises(UnknownPostcode):
        territory_of("FR", postcode)


@pytest.mark.parametrize(
    ("country", "territory"),
    [
        ("PF", "PF"),
        ("NC", "NC"),
        ("MC", "MC"),
        ("RE", "RE"),
        ("BL", "BL"),
        ("DE", "EU"),
        ("GR", "EU"),
        ("ES", "EU"),
        ("CH", "ZZ"),
        ("GB", "ZZ"),
        ("NO", "ZZ"),
        ("EU", "ZZ"),
        ("ZZ", "ZZ"),
        ("", "ZZ"),
    ],
)
def test_another_country_names_its_territory_without_its_postcode(
    country: str, territory: str
) -> None:
    assert territory_of(country, "97133") == territory


@given(st.integers(0, 99_999).map(lambda number: f"{number:05d}"))
def test_each_french_postcode_has_an_answer(postcode: str) -> None:
    try:
        found = territory_of("FR", postcode)
    except UnknownPostcode:
        assert postcode[:2] in {"00", "96", "97", "98", "99"}
    else:
        assert (found == "FR") == (postcode[:2] not in {"97", "98"})


@pytest.mark.parametrize(
    ("territory", "country", "written"),
    [
        ("FR", "FR", "FR"),
        ("RE", "FR", "FR"),
        ("RE", "RE", "FR"),
        ("MF", "FR", "FR"),
        ("BL", "FR", "BL"),
        ("PF", "FR", "PF"),
        ("MC", "FR", "MC"),
        ("EU", "DE", "DE"),
        ("ZZ", "CH", "CH"),
    ],
)
def test_an_invoice_writes_the_country_of_the_directory(
    territory: str, country: str, written: str
) -> None:
    assert country_of(Territory(territory), country) == written
