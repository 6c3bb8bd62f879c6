"""Likely typing errors of known mail domains, and the addresses that are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.rules.mail_domains import KNOWN, likely_address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("marie@gmial.com", "marie@gmail.com"),
        ("marie@gmai.com", "marie@gmail.com"),
        ("marie@gmaill.com", "marie@gmail.com"),
        ("marie@gnail.com", "marie@gmail.com"),
        ("marie@gmail.con", "marie@gmail.com"),
        ("marie@gmail.fr", "marie@gmail.com"),
        ("Marie.Dupont+rdv@GMIAL.COM", "Marie.Dupont+rdv@gmail.com"),
        (" marie@hotmal.fr ", "marie@hotmail.fr"),
        ("marie@outlok.com", "marie@outlook.com"),
        ("marie@oragne.fr", "marie@orange.fr"),
        ("marie@wandoo.fr", "marie@wanadoo.fr"),
        ("marie@laposte.fr", "marie@laposte.net"),
        ("marie@yaho.com", "marie@yahoo.com"),
        ("marie@icloud.fr", "marie@icloud.com"),
        ("marie@fere.fr", "marie@free.fr"),
    ],
)
def test_a_likely_error_names_the_address_that_was_meant(typed: str, meant: str) -> None:
    assert likely_address(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "marie@example.org",
        "marie@mail.com",
        "marie@ymail.com",
        "marie@hotmail.be",
        "marie@yahoo.ca",
        "marie@fred.fr",
        "marie@sfr.com",
        "marie@live.com",
        "marie@cabinet-exemple.fr",
        "marie@mail.gmail.com.example",
        "marie",
        "@gmial.com",
        "",
        *(f"marie@{domain}" for domain in KNOWN),
    ],
)
def test_any_other_address_is_left_alone(typed: str) -> None:
    assert likely_address(typed) == ""


@given(typed=st.text(max_size=60))
def test_a_proposal_is_never_questioned_again(typed: str) -> None:
    proposed = likely_address(typed)

    assert likely_address(proposed) == ""
    assert not proposed or proposed != typed
    assert not proposed or proposed.rpartition("@")[2] in KNOWN
