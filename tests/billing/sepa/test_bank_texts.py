"""Reasons of the bank in French."""

import pytest

from billing.sepa.accounts import AccountFault
from billing.sepa.bank_texts import ACCOUNT_FAULTS, UNKNOWN_REASON, reason_in_words


@pytest.mark.parametrize("fault", AccountFault)
def test_each_fault_of_an_account_has_a_sentence(fault: AccountFault) -> None:
    assert str(ACCOUNT_FAULTS[fault]).endswith(".")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AM04", "provision insuffisante"),
        (" am04", "provision insuffisante"),
        ("AC04", "compte clos"),
        ("ZZ99", str(UNKNOWN_REASON)),
        ("", str(UNKNOWN_REASON)),
    ],
)
def test_a_reason_stands_inside_a_sentence(code: str, reason: str) -> None:
    assert str(reason_in_words(code)) == reason
