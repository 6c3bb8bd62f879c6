"""The quiet hours in the zone of a location (B-40)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from booking.rules.erasure import is_quiet, is_quiet_minute, out_of_quiet_hours

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")


@pytest.mark.parametrize(
    ("minute", "quiet"),
    [(0, True), (8 * 60 - 1, True), (8 * 60, False), (20 * 60 - 1, False), (20 * 60, True)],
)
def test_the_quiet_hours_last_from_twenty_to_eight(minute: int, quiet: bool) -> None:
    assert is_quiet_minute(minute) is quiet


def test_one_instant_is_quiet_in_one_zone_and_not_in_another() -> None:
    instant = datetime(2026, 11, 10, 17, 0, tzinfo=UTC)  # 18:00 in Paris, 21:00 in La Réunion

    assert (is_quiet(instant, zone=PARIS), is_quiet(instant, zone=REUNION)) == (False, True)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (datetime(2026, 11, 10, 12, 0, tzinfo=UTC), datetime(2026, 11, 10, 12, 0, tzinfo=UTC)),
        (datetime(2026, 11, 10, 19, 0, tzinfo=UTC), datetime(2026, 11, 11, 7, 0, tzinfo=UTC)),
        (datetime(2026, 11, 11, 3, 0, tzinfo=UTC), datetime(2026, 11, 11, 7, 0, tzinfo=UTC)),
        # The clock goes back on the night to 25 October.
        (datetime(2026, 10, 24, 19, 0, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),
    ],
)
def test_an_instant_in_the_quiet_hours_becomes_their_end(now: datetime, then: datetime) -> None:
    assert out_of_quiet_hours(now, zone=PARIS) == then
