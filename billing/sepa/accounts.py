"""Bank accounts and creditor identifiers as typed (F-40, F-47). Pure but for the registers of ``schwifty``.

Accounts of the French Pacific have French IBANs too: their bank tells them apart, by the country of its BIC. The
register does not know each bank, so the client's territory is asked as well.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from schwifty import IBAN
from schwifty.exceptions import InvalidBBANChecksum, InvalidChecksumDigits, SchwiftyException
from stdnum.eu import at_02

from billing.territories import PACIFIC, Territory


class AccountFault(StrEnum):
    """Why an account cannot be debited."""

    SHAPE = "shape"
    KEY = "key"
    OUTSIDE_SEPA = "outside_sepa"
    PACIFIC = "pacific"


class AccountRefused(ValueError):
    """The account is wrong, or out of reach of SEPA direct debit; the message holds no part of it."""

    def __init__(self, fault: AccountFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Account:
    """A checked account: IBAN without blanks, the country of its bank (``bic_country``) where it is known."""

    iban: str = field(repr=False)
    bic: str
    bic_country: str

    @property
    def last4(self) -> str:
        """Return the four last characters, the only ones that pages show."""
        return self.iban[-4:]


def read_account(typed: str, *, territory: Territory) -> Account:
    """Return the account of a client that can be debited. Raises AccountRefused.

    The keys of the IBAN and of the national account number are checked.
    """
    try:
        account = IBAN(typed, validate_bban=True)
    except (InvalidBBANChecksum, InvalidChecksumDigits):
        raise AccountRefused(AccountFault.KEY) from None
    except (SchwiftyException, ValueError):
        raise AccountRefused(AccountFault.SHAPE) from None
    if not account.in_sepa_zone:
        raise AccountRefused(AccountFault.OUTSIDE_SEPA)
    bic = account.bic
    bic_country = bic.country_code if bic else ""
    if territory in PACIFIC or bic_country in PACIFIC:
        raise AccountRefused(AccountFault.PACIFIC)
    return Account(str(account), str(bic or ""), bic_country)


def is_creditor_identifier(ics: str) -> bool:
    """Return whether a text is a SEPA creditor identifier; its key ignores the creditor's business code."""
    return bool(at_02.is_valid(ics)) and ics == at_02.compact(ics)
