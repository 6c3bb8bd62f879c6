"""What a run has shown: it held, its own count has failed, or it is broken."""

import threading

import pytest

from tests.proofs.counter import CaseCounter, FirstFailure, Outcome
from tests.proofs.guards import Guard

GUARD = Guard("a promise")


def test_without_failures_the_proof_held() -> None:
    counter = CaseCounter()

    counter.count("kind", (1,), failed=False)
    counter.control(("works",), failed=False)

    assert counter.outcome is Outcome.PASSED
    assert counter.report("race")["ok"] is True


def test_without_cases_nothing_was_shown() -> None:
    assert CaseCounter().outcome is Outcome.BROKEN


def test_a_failure_of_its_own_count_fails_the_proof() -> None:
    counter = CaseCounter()

    counter.count("kind", (1,), failed=True, seen="twice", status=200)

    assert counter.outcome is Outcome.FAILED
    assert counter.failures == ["kind | 1 -> twice"]


def test_the_same_case_counts_once() -> None:
    counter = CaseCounter()

    for _ in range(2):
        counter.count("kind", (1,), failed=False)

    assert counter.report("race")["attempted"] == 1
    assert counter.by == {"kind": 1}


def test_only_failed_controls_leave_the_run_broken() -> None:
    counter = CaseCounter()
    counter.count("kind", (1,), failed=False)

    counter.control(("works",), failed=True, status=404)

    assert counter.outcome is Outcome.BROKEN
    assert counter.failures == ["control | works -> 404"]


@pytest.mark.parametrize("guard", [None, GUARD])
def test_only_answers_5xx_leave_the_run_broken(guard: Guard | None) -> None:
    counter = CaseCounter(guard)

    counter.count("kind", (1,), failed=True, status=500)

    assert counter.server_errors == 1
    assert counter.outcome is Outcome.BROKEN
    assert counter.failures == ["kind | 1 -> 500"]


def test_a_5xx_that_no_case_refuses_is_no_failure() -> None:
    counter = CaseCounter(GUARD)

    counter.count("kind", (1,), failed=False, status=500)

    assert counter.outcome is Outcome.PASSED


def test_a_removed_guard_ends_the_run_at_its_first_failure() -> None:
    counter = CaseCounter(GUARD)
    counter.control(("works",), failed=True)

    with pytest.raises(FirstFailure) as raised:
        counter.count("kind", (1,), failed=True)

    assert raised.value.counter is counter
    assert counter.outcome is Outcome.FAILED


def test_with_a_removed_guard_one_5xx_leaves_the_run_broken() -> None:
    counter = CaseCounter(GUARD)
    counter.count("kind", (1,), failed=True, status=500)

    with pytest.raises(FirstFailure):
        counter.count("kind", (2,), failed=True)

    assert counter.outcome is Outcome.BROKEN


def test_a_guard_may_show_by_answers_5xx() -> None:
    counter = CaseCounter(Guard("a promise", server_errors=("django.db.utils.IntegrityError",)))

    with pytest.raises(FirstFailure):
        counter.count("kind", (1,), failed=True, status=500)

    assert counter.outcome is Outcome.FAILED


def test_a_failure_in_another_thread_ends_the_run_at_the_next_count() -> None:
    counter = CaseCounter(GUARD)
    thread = threading.Thread(target=lambda: counter.count("kind", (1,), failed=True))
    thread.start()
    thread.join()

    with pytest.raises(FirstFailure):
        counter.count("kind", (2,), failed=False)
