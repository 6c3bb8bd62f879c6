"""The fake server keeps the contract that `python -m tests.contract.google` can replay on a real account."""

import pytest

from tests.contract.google.checks import Check, Mark, all_checks
from tests.contract.google.place import on_the_fake_server

CHECKS = all_checks()


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_fake_server_keeps_the_contract(check: Check) -> None:
    with on_the_fake_server(check.scopes) as place:
        check.body(place)


def test_there_are_checks_of_each_mark() -> None:
    assert len(CHECKS) >= 40
    assert {check.mark for check in CHECKS} == set(Mark)


def test_every_check_names_its_source() -> None:
    assert [check.claim for check in CHECKS if not check.source] == []


def test_no_claim_is_made_twice() -> None:
    assert len({str(check) for check in CHECKS}) == len(CHECKS)
