"""The beginnings by profession: neutral labels, lengths that the tables take, words that are recognised."""

import pytest

from booking.denied_fields import is_denied
from booking.forms.dashboard.week import check_ranges
from booking.models import Practice
from booking.professions import PROFESSIONS, recognised


@pytest.mark.parametrize("one", PROFESSIONS, ids=lambda one: one.key)
def test_every_label_is_neutral_and_every_length_possible(one) -> None:
    assert not is_denied(*(str(motif.label) for motif in one.motifs))
    assert all(5 <= motif.duration_min <= 720 for motif in one.motifs)
    assert all(motif.buffer_before_min <= 240 for motif in one.motifs)
    assert check_ranges(one.hours) == list(one.hours)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Ostéopathe D.O.", "osteopathe"),
        ("Kinésithérapeutes", "kinesitherapeute"),
        ("MASSEUSE-KINÉSITHÉRAPEUTE", "kinesitherapeute"),
        ("Diététicienne nutritionniste", "dieteticien"),
        ("Psychologue clinicien", "psychologue"),
        ("Orthophoniste", "orthophoniste"),
        ("Sophrologue", "bien-etre"),
        ("Praticienne en hypnose", "bien-etre"),
    ],
)
def test_what_an_order_says_is_recognised(said: str, key: str) -> None:
    found = recognised(said)

    assert found is not None
    assert found.key == key


def test_what_nobody_knows_is_not_guessed_but_by_its_kind() -> None:
    assert recognised("Podologue") is None
    assert recognised("") is None
    assert getattr(recognised("Coach", Practice.Kind.WELLBEING), "key", "") == "bien-etre"
