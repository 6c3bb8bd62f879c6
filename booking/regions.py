"""In which region a telephone number without a country code is read (B-07)."""

from booking.holidays import territory_of
from booking.models import Location

METROPOLITAN = "FR"


def region_of(place: Location | None) -> str:
    """Return the ISO code of the region of a place, by its territory or its postcode; without one, "FR".

    Territories that only have holidays of their own (Alsace-Moselle) read numbers as the rest does.
    """
    if place is None:
        return METROPOLITAN
    territory = place.territory or territory_of(place.postcode)
    return territory if territory.isalpha() else METROPOLITAN
