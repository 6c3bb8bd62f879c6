"""What follows from each reason for which a bank refuses or returns a collection (F-48). Pure.

Codes are those of ISO 20022 in the SEPA rulebook. MS03 says nothing on purpose and often hides AM04.
"""

from enum import StrEnum


class Treatment(StrEnum):
    """What is done with the collection, its invoice and its mandate. The invoice is unpaid again in each case."""

    REPRESENT = "represent"  # once, after a new announcement; then dunning
    CORRECT = "correct"  # data of the account or the client are wrong
    SUSPEND = "suspend"  # the mandate or the account cannot be used: contact the client
    REFUND_ASKED = "refund_asked"  # the debtor wants the money back: a person decides, no retry
    STOP = "stop"  # the debtor has died: nothing is sent any more, a person decides
    INVESTIGATE = "investigate"  # we may have sent it twice
    DECIDE = "decide"  # another or unknown code: a person decides


TREATMENTS: dict[str, Treatment] = {
    **dict.fromkeys(("AM04", "MS03"), Treatment.REPRESENT),
    **dict.fromkeys(
        (
            "AC01",
            "BE05",
            "CNOR",
            "DNOR",
            "FF01",
            "FF05",
            "RC01",
            "RR01",
            "RR02",
            "RR03",
            "RR04",
        ),
        Treatment.CORRECT,
    ),
    **dict.fromkeys(("AC04", "AC06", "AG01", "MD01", "MS02", "SL01"), Treatment.SUSPEND),
    "MD06": Treatment.REFUND_ASKED,
    "MD07": Treatment.STOP,
    **dict.fromkeys(("AM05", "DUPL"), Treatment.INVESTIGATE),
}


def treatment_of(code: str) -> Treatment:
    """Return what follows from a code as the bank wrote it, which may be empty."""
    return TREATMENTS.get(code.strip().upper(), Treatment.DECIDE)
