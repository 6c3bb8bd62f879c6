"""A phone number without a country code is read in the region of the place."""

import pytest

from booking.models import Location
from booking.scheduling.catalogue import region_of


@pytest.mark.parametrize(
    ("place", "region"),
    [
        (None, "FR"),
        (Location(postcode="64210"), "FR"),
        (Location(postcode="97400"), "RE"),
        (Location(postcode="64210", territory="GP"), "GP"),
        (Location(postcode="67000", territory="57"), "FR"),
    ],
)
def test_the_territory_of_a_place_decides(place: Location | None, region: str) -> None:
    assert region_of(place) == region
