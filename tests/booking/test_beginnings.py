"""The beginnings by profession: neutral labels, lengths that the tables take, words that are recognised."""

import pytest

from booking.beginnings import BEGINNINGS, recognised
from booking.denied_fields import is_denied
from booking.forms.dashboard.week import check_ranges
from booking.models import Practice
from tenants.website import professions


@pytest.mark.parametrize("one", BEGINNINGS, ids=lambda one: one.key)
def test_every_label_is_neutral_and_every_length_possible(one) -> None:
    assert not is_denied(*(str(motif.label) for motif in one.motifs))
    assert all(5 <= motif.duration_min <= 720 for motif in one.motifs)
    assert all(motif.buffer_before_min <= 240 for motif in one.motifs)
    assert check_ranges(one.hours) == list(one.hours)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Ostéopathe D.O.", "osteopathe"),
        ("Kinésithérapeutes", "kine"),
        ("MASSEUSE-KINÉSITHÉRAPEUTE", "kine"),
        ("Diététicienne nutritionniste", "dieteticien"),
        ("Psychologue clinicien", "psychologue"),
        ("Orthophoniste", "orthophoniste"),
        ("Sophrologue", "sophrologue"),
        ("Praticienne en hypnose", "sophrologue"),
        ("Médecin ostéopathe", "osteopathe"),
        ("Nutritionniste", "dieteticien"),
        ("Physiothérapeute", "kine"),
        ("Masseur bien-être", "sophrologue"),
    ],
)
def test_what_an_order_says_is_recognised(said: str, key: str) -> None:
    found = recognised(said)

    assert found is not None
    assert found.key == key


def test_every_beginning_is_of_professions_that_we_know() -> None:
    known = {one.code for one in professions.PROFESSIONS}

    codes = [code for one in BEGINNINGS for code in one.codes]
    assert set(codes) <= known
    assert len(codes) == len(set(codes))
    assert all(str(one.label) for one in BEGINNINGS)


def test_what_nobody_knows_is_not_guessed_but_by_its_kind() -> None:
    assert recognised("Podologue") is None
    assert recognised("") is None
    assert getattr(recognised("Coach", Practice.Kind.WELLBEING), "key", "") == "sophrologue"
