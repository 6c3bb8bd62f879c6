"""A replacement shows wherever a patient looks: practice, slots, details, confirmation, own page (B-15)."""

from datetime import timedelta

import pytest

from booking.models import Replacement
from tests.booking.web.public.conftest import (
    Visitor,
    address,
    text,
)
from tests.factories import NOW, Cabinet

WORDS = "Paul Factice, qui remplace Maite Exemple"


@pytest.fixture
def replaced(cabinet: Cabinet) -> Replacement:
    """The practitioner is replaced for the days to come."""
    return Replacement.objects.create(
        practitioner=cabinet.practitioner,
        substitute_name="Paul Factice",
        from_on=NOW.date(),
        to_on=NOW.date() + timedelta(days=20),
    )


@pytest.mark.parametrize("page", ["/", "/creneaux/"])
def test_the_pages_of_slots_say_who_receives(
    visitor: Visitor, replaced: Replacement, page: str
) -> None:
    shown = text(visitor.get(page))

    assert WORDS in shown
    assert "Paul\u00a0F." in shown


def test_without_a_replacement_nothing_is_said(visitor: Visitor) -> None:
    assert "remplace" not in text(visitor.get("/"))


def test_the_person_knows_before_confirming_and_on_their_own_page(
    visitor: Visitor, replaced: Replacement
) -> None:
    details = text(visitor.choose())
    booked = visitor.book(1)
    own = text(visitor.get(address(booked)))

    assert WORDS in details
    assert WORDS in own


def test_an_appointment_after_the_last_day_is_with_the_practitioner(
    visitor: Visitor, replaced: Replacement
) -> None:
    replaced.to_on = NOW.date()
    replaced.save(update_fields=["to_on"])

    details = text(visitor.choose(number=-1))

    assert "Paul Factice" not in details
