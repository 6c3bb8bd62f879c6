"""Saying that one will be late: near the hour only, the last number holds, and the practitioner is told."""

from datetime import timedelta

import pytest

from booking.appointments import lateness
from booking.models import Appointment
from booking.rules import kinds
from tenants.outbox.models import OutboxEntry
from tests.booking.web.public.conftest import (
    Visitor,
    address,
    text,
)


@pytest.fixture
def near(visitor: Visitor) -> Appointment:
    """An appointment that begins in an hour."""
    booked = visitor.book()
    visitor.clock.move_to(booked.starts_at - timedelta(hours=1))
    return booked


def late_entries(appointment: Appointment) -> list[tuple[int, str]]:
    rows = OutboxEntry.objects.filter(kind=kinds.LATE, subject_id=appointment.pk).order_by("id")
    return [(row.payload["minutes"], row.state) for row in rows]


def test_near_the_hour_the_practitioner_is_notified(visitor: Visitor, near: Appointment) -> None:
    assert "Je serai en retard" in text(visitor.get(address(near)))

    answer = visitor.post(address(near, "retard/"), {"minutes": "10"})

    assert answer.status_code == 302
    assert "est prévenu(e) de votre retard" in text(visitor.get(answer.headers["Location"]))
    near.refresh_from_db()
    assert near.late_min == 10
    assert late_entries(near) == [(10, "pending")]


def test_said_again_the_last_number_holds(visitor: Visitor, near: Appointment) -> None:
    for minutes in ("10", "10", "20"):
        visitor.post(address(near, "retard/"), {"minutes": minutes})

    near.refresh_from_db()
    assert near.late_min == 20
    assert late_entries(near) == [(10, "not_sent"), (20, "pending")]


@pytest.mark.parametrize("typed", ["", "7", "dix", "-5", "99999999999999999999"])
def test_another_number_is_refused_beside_the_field(
    visitor: Visitor, near: Appointment, typed: str
) -> None:
    answer = visitor.post(address(near, "retard/"), {"minutes": typed})

    assert answer.status_code == 422
    assert "Choisissez de combien de minutes" in text(answer)
    assert late_entries(near) == []


def test_days_before_there_is_nothing_to_say(visitor: Visitor) -> None:
    booked = visitor.book(12)
    assert "Je serai en retard" not in text(visitor.get(address(booked)))

    assert visitor.post(address(booked, "retard/"), {"minutes": "10"}).status_code == 409
    assert late_entries(booked) == []


def test_a_link_never_says_it_by_being_followed(visitor: Visitor, near: Appointment) -> None:
    assert visitor.get(address(near, "retard/")).status_code == 405


def test_a_stranger_finds_nothing(visitor: Visitor, near: Appointment) -> None:
    assert visitor.post("/rdv/inconnu/retard/", {"minutes": "10"}).status_code == 404


def test_the_window_is_four_hours(near: Appointment) -> None:
    starts = near.starts_at
    inside = [starts - lateness.BEFORE, starts - timedelta(seconds=1)]
    too_early_or_late = [starts - lateness.BEFORE - timedelta(seconds=1), starts]

    assert [lateness.can_announce(near, now=at) for at in inside] == [True, True]
    assert [lateness.can_announce(near, now=at) for at in too_early_or_late] == [False, False]
