"""Accounts as typed: keys, countries, and French accounts of the Pacific (F-40, F-47)."""

import pytest

from billing.sepa.accounts import AccountFault, AccountRefused, is_creditor_identifier, read_account
from billing.territories import Territory
from tests.billing.sepa.ibans import french_iban

IBAN = "FR7630006000011234567890189"


@pytest.mark.parametrize(
    "typed", [IBAN, "FR76 3000 6000 0112 3456 7890 189", "fr7630006000011234567890189"]
)
def test_an_account_is_kept_without_blanks(typed: str) -> None:
    account = read_account(typed, territory=Territory.METROPOLE)

    assert (account.iban, account.last4, account.bic_country) == (IBAN, "0189", "FR")


@pytest.mark.parametrize(
    "iban", ["DE89370400440532013000", "BE68539007547034", "CH9300762011623852957"]
)
def test_an_account_elsewhere_in_sepa_is_debited(iban: str) -> None:
    assert read_account(iban, territory=Territory.METROPOLE).iban == iban


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", AccountFault.SHAPE),
        ("FR76", AccountFault.SHAPE),
        ("FR76300060000112345678901", AccountFault.SHAPE),
        ("ZZ7630006000011234567890189", AccountFault.SHAPE),
        ("FR7730006000011234567890189", AccountFault.KEY),
        ("FR7630006000011234567890188", AccountFault.KEY),
        (french_iban("30006", "00001", "12345678901", key="88"), AccountFault.KEY),
        ("BR1800360305000010009795493C1", AccountFault.OUTSIDE_SEPA),
        ("TN5910006035183598478831", AccountFault.OUTSIDE_SEPA),
        (french_iban("17499", "00001", "12345678901"), AccountFault.PACIFIC),
        (french_iban("18319", "00001", "12345678901"), AccountFault.PACIFIC),
    ],
)
def test_a_wrong_account_is_refused_without_being_repeated(typed: str, fault: AccountFault) -> None:
    with pytest.raises(AccountRefused) as refused:
        read_account(typed, territory=Territory.METROPOLE)

    assert refused.value.fault is fault
    assert not typed or typed not in str(refused.value)


@pytest.mark.parametrize("territory", ["PF", "NC", "WF"])
def test_a_client_of_the_pacific_pays_by_transfer(territory: str) -> None:
    with pytest.raises(AccountRefused) as refused:
        read_account(IBAN, territory=Territory(territory))

    assert refused.value.fault is AccountFault.PACIFIC


@pytest.mark.parametrize(
    ("ics", "is_right"),
    [
        ("FR72ZZZ123456", True),
        ("FR72ABC123456", True),  # the business code is not part of the key
        ("FR73ZZZ123456", False),
        ("fr72zzz123456", False),
        ("FR72 ZZZ123456", False),
        ("", False),
    ],
)
def test_the_key_of_a_creditor_identifier_is_checked(ics: str, is_right: bool) -> None:
    assert is_creditor_identifier(ics) is is_right
