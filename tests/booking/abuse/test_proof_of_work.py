"""The proof of work that forms need while a practice is under attack."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from altcha import v1 as altcha
from django.core.cache import cache

from booking.abuse import proof_of_work

FORM = uuid.UUID(int=7)


@pytest.fixture(autouse=True)
def small_work(services: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(proof_of_work, "DIFFICULTY", 200)
    cache.clear()
    yield
    cache.clear()


def solve(task: str) -> str:
    asked = json.loads(task)
    challenge = altcha.Challenge(
        asked["algorithm"],
        asked["challenge"],
        asked["maxnumber"],
        asked["salt"],
        asked["signature"],
    )
    found = altcha.solve_challenge(challenge)
    assert found is not None
    return altcha.Payload(
        asked["algorithm"], asked["challenge"], found.number, asked["salt"], asked["signature"]
    ).to_base64()


def task(schema: str = "t_a", form_ref: uuid.UUID = FORM) -> str:
    return proof_of_work.challenge(schema=schema, form_ref=form_ref, now=datetime.now(UTC))


def test_a_solution_is_accepted_once() -> None:
    solution = solve(task())

    answers = [proof_of_work.is_solved(solution, schema="t_a", form_ref=FORM) for _ in range(2)]

    assert answers == [True, False]


def test_a_solution_is_refused_for_another_form_or_tenant() -> None:
    solution = solve(task())

    assert not proof_of_work.is_solved(solution, schema="t_b", form_ref=FORM)
    assert not proof_of_work.is_solved(solution, schema="t_a", form_ref=uuid.UUID(int=8))


@pytest.mark.parametrize("rubbish", ["", "x", "e30=", "W10=", "bnVsbA==", "é", "A" * 3000])
def test_arbitrary_text_is_no_solution(rubbish: str) -> None:
    assert not proof_of_work.is_solved(rubbish, schema="t_a", form_ref=FORM)
