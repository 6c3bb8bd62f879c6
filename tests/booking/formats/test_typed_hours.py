"""Hours in every way people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.formats.typed_hours import DAY_MINUTES, LONGEST, read_minutes

NINE_THIRTY = (
    "9h30",
    "9 h 30",
    "9H30",
    "09h30",
    "9:30",
    "09:30",
    "09:30:00",
    "9.30",
    "9,30",
    "0930",
    "930",
    "9 heures 30",
    "9h30mn",
    "9 h 30 min",
    " 9\u00a0h\u00a030 ",
    "9\u202fh\u202f30",
)


@pytest.mark.parametrize("typed", NINE_THIRTY)
def test_half_past_nine_is_read_in_each_spelling(typed: str) -> None:
    """ "0930" and "09:00:00" were "pas valide"."""
    assert read_minutes(typed) == 570


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("9", 540),
        ("9h", 540),
        ("9 heures", 540),
        ("1 heure", 60),
        ("09:00:00", 540),
        ("20h", 1200),
        ("0h", 0),
        ("00:00", 0),
        ("0000", 0),
        ("minuit", 0),
        ("Minuit", 0),
        ("24h", 1440),
        ("24:00", 1440),
        ("2400", 1440),
        ("midi", 720),
        ("MIDI", 720),
        ("12h5", 725),
        ("1215", 735),
    ],
)
def test_an_hour_is_read(typed: str, minutes: int) -> None:
    assert read_minutes(typed) == minutes


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "x",
        "25",
        "24h01",
        "9h60",
        "9h30h",
        "-9",
        "12345",
        "9h 30 45",
        "٩",
        "9\x00",
        "1" + " " * 90_000 + "x",
        "demain",
        "9h30 ou 10h",
    ],
)
def test_what_is_no_hour_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_minutes(typed)


@given(st.text(max_size=LONGEST))
def test_any_text_is_an_hour_of_the_day_or_refused(typed: str) -> None:
    try:
        minutes = read_minutes(typed)
    except ValueError:
        return
    assert 0 <= minutes <= DAY_MINUTES


@given(
    st.integers(0, DAY_MINUTES),
    st.sampled_from(["{h}h{m:02}", "{h}:{m:02}", "{h:02}{m:02}", "{h} h {m:02}"]),
)
def test_each_minute_of_the_day_is_read_as_it_was_written(minute: int, form: str) -> None:
    typed = form.format(h=minute // 60, m=minute % 60)
    assert read_minutes(typed) == minute
    assert read_minutes(re.sub("h", "H", typed)) == minute
