"""One line for each return code (F-48)."""

import pytest

from billing.sepa.return_codes import TREATMENTS, Treatment, treatment_of

TABLE = {
    "AM04": "represent",
    "MS03": "represent",
    "AC01": "correct",
    "BE05": "correct",
    "CNOR": "correct",
    "DNOR": "correct",
    "FF01": "correct",
    "FF05": "correct",
    "RC01": "correct",
    "RR01": "correct",
    "RR02": "correct",
    "RR03": "correct",
    "RR04": "correct",
    "AC04": "suspend",
    "AC06": "suspend",
    "AG01": "suspend",
    "MD01": "suspend",
    "MS02": "suspend",
    "SL01": "suspend",
    "MD06": "refund_asked",
    "MD07": "stop",
    "AM05": "investigate",
    "DUPL": "investigate",
    "AG02": "decide",
    "ZZ99": "decide",
    "": "decide",
}


@pytest.mark.parametrize("code", TABLE)
def test_each_code_has_its_branch(code: str) -> None:
    assert treatment_of(code) == TABLE[code]
    assert treatment_of(f" {code.lower()} ") == TABLE[code]


def test_the_table_tests_each_code() -> None:
    assert TREATMENTS.keys() <= TABLE.keys()
    assert set(TREATMENTS.values()) | {Treatment.DECIDE} == set(Treatment)
