"""Each rule says what it does, from its value."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from booking.web.rule_sentences import (
    appointment_type_sentences,
    length,
    place_in_words,
)

TODAY = date(2026, 11, 10)
NBSP = "\u00a0"


def expected(**appointment: Any) -> dict[str, str]:
    return appointment_type_sentences(appointment, today=TODAY)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "1 minute"),
        (45, "45 minutes"),
        (60, "1 heure"),
        (65, "1 heure 05"),
        (150, "2 heures 30"),
        (1440, "1 jour"),
        (2880, "2 jours"),
    ],
)
def test_a_length_is_said_as_people_say_it(minutes: int, words: str) -> None:
    assert length(minutes) == words


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("min_notice_min", 120, "Vos patients peuvent réserver jusqu’à 2 heures avant."),
        ("min_notice_min", 0, "jusqu’à la dernière minute"),
        ("horizon_days", 30, f"jeudi{NBSP}10{NBSP}décembre"),
        ("horizon_days", 90, f"lundi{NBSP}8{NBSP}février{NBSP}2027"),
        ("cancel_hours", 24, "jusqu’à 1 jour avant. Ensuite, la page leur demande d’appeler."),
        ("cancel_hours", None, "jusqu’à l’heure du rendez-vous"),
        ("step_min", 20, f"toutes les 20 minutes{NBSP}: 9{NBSP}h, 9{NBSP}h{NBSP}20"),
        ("channel", "staff", "ne le voient pas"),
        ("is_for_new_patients", True, "pour une première venue"),
        ("price_text", "60 €", "60 €"),
        ("instructions", "", "Aucune consigne"),
        ("instructions", "Apportez vos examens.", "dans ses messages et dans son agenda"),
    ],
)
def test_a_rule_of_an_appointment_type_says_its_effect(field: str, value: Any, words: str) -> None:
    assert words in expected(**{field: value})[field]


def test_margins_say_what_the_whole_appointment_takes() -> None:
    appointment = expected(duration_min=45, buffer_before_min=15, buffer_after_min=15)

    assert "chaque rendez-vous prend 1 heure 15" in appointment["buffer_after_min"]
    assert "15 minutes avant" in appointment["buffer_before_min"]


def test_without_a_step_the_duration_makes_the_grid() -> None:
    assert f"9{NBSP}h, 9{NBSP}h{NBSP}45" in expected(step_min=None, duration_min=45)["step_min"]


def test_what_cannot_be_read_says_nothing() -> None:
    assert set(expected().values()) == {""}


def test_a_place_says_its_hour_its_next_holiday_and_where_visits_go() -> None:
    appointment = place_in_words(
        {"kind": "home", "time_zone": "Indian/Reunion", "territory": "RE", "postcode": "97400",
         "served_postcodes": ["97400", "97410"]},
        now=datetime(2026, 11, 12, 6, 40, tzinfo=UTC),
    )  # fmt: skip

    assert f"10{NBSP}h{NBSP}40" in appointment["time_zone"]
    assert f"dimanche{NBSP}20{NBSP}décembre, Abolition" in appointment["territory"]
    assert "2 codes postaux desservis, dont 97400, 97410" in appointment["served_postcodes"]
    assert "Vous allez chez la personne" in appointment["kind"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "office", "video_url": ""}, "Ne sert que pour un lieu en visio"),
        ({"kind": "video", "video_url": ""}, "vous l’envoyez vous-même"),
        ({"kind": "video", "video_url": "https://visio.example/s"}, "Seules les personnes"),
    ],
)
def test_a_video_place_says_who_reads_its_link(values: dict[str, str], words: str) -> None:
    sentences = place_in_words(
        {"time_zone": "Europe/Paris", **values}, now=datetime(2026, 11, 12, 6, 40, tzinfo=UTC)
    )

    assert words in sentences["video_url"]
