"""The presets of the professions: neutral labels, durations that the constraints allow, recognised titles."""

import pytest

from booking.models import Practice
from booking.practice.presets import PRESETS, ProfessionPreset, recognised
from booking.rules.persons import is_denied
from booking.web.dashboard.hours.week_form import check_ranges
from tenants.website import professions


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_every_label_is_neutral_and_every_length_possible(preset: ProfessionPreset) -> None:
    assert not is_denied(
        *(str(appointment_type.label) for appointment_type in preset.appointment_types)
    )
    assert all(
        5 <= appointment_type.duration_min <= 720 for appointment_type in preset.appointment_types
    )
    assert all(
        appointment_type.buffer_before_min <= 240 for appointment_type in preset.appointment_types
    )
    assert check_ranges(preset.hours) == list(preset.hours)


@pytest.mark.parametrize(
    ("title", "key"),
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
def test_the_title_of_an_order_is_recognised(title: str, key: str) -> None:
    found = recognised(title)

    assert found is not None
    assert found.key == key


def test_every_preset_is_of_known_professions() -> None:
    known = {profession.code for profession in professions.PROFESSIONS}

    codes = [code for preset in PRESETS for code in preset.codes]
    assert set(codes) <= known
    assert len(codes) == len(set(codes))
    assert all(str(preset.label) for preset in PRESETS)


def test_an_unknown_title_is_recognised_by_the_kind_of_the_practice_only() -> None:
    assert recognised("Podologue") is None
    assert recognised("") is None
    assert getattr(recognised("Coach", Practice.PracticeKind.WELLBEING), "key", "") == "sophrologue"
