"""Quotas and the breaker of the whole house."""

import uuid
from datetime import UTC, datetime

import pytest
from pytest_django.fixtures import Settings

from booking.google_calendar import Unavailable
from booking.services.google import limits
from tenants import counters

AT = datetime(2026, 11, 10, 9, 40, 20, tzinfo=UTC)


def found(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    """Let Redis answer so; keys are told apart by how they begin."""

    def count(seconds: dict[str, int], *, look_at: list[str] = ()) -> dict[str, int]:  # type: ignore[assignment]
        said = {}
        for key in [*seconds, *look_at]:
            name = "project" if "|calls|" in key else "faults" if "faults" in key else "own"
            said[key] = values.get(name, 1)
        return said

    monkeypatch.setattr(counters, "count", count)


def test_ordinary_calls_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, own=limits.PER_ACCOUNT, project=limits.PER_PROJECT, faults=0)
    limits.pass_or_wait(schema="t_x", account=uuid.uuid4(), now=AT)


@pytest.mark.parametrize(
    "values",
    [
        {"own": limits.PER_ACCOUNT + 1, "project": 600},
        {"own": 1, "project": limits.PER_PROJECT + 1},
        {"own": 1, "project": 60, "faults": 50},
    ],
)
def test_a_limit_that_is_reached_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, int]
) -> None:
    found(monkeypatch, **values)
    with pytest.raises(Unavailable) as refusal:
        limits.pass_or_wait(schema="t_x", account=uuid.uuid4(), now=AT)

    assert refusal.value.after is not None
    assert 0 < refusal.value.after.total_seconds() <= 40


def test_without_redis_calls_pass(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limits.pass_or_wait(schema="t_x", account=uuid.uuid4(), now=AT)
    limits.count_fault()
