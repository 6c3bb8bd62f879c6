"""The legal identity of a client: tables of real and wrong numbers, and keys computed another way (G-04, G-05)."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.clients.identity import (
    IdentityReason,
    IdentityRefused,
    contradictions,
    name_on_documents,
    professional_warnings,
    read_adeli,
    read_rpps,
    read_siren,
    read_siret,
    read_vat_number,
    vat_number_of,
)
from billing.clients.identity_texts import MESSAGES
from billing.territories import Territory


def luhn_sum(digits: str) -> int:
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(figure // 10 + figure % 10 for figure in doubled)


def with_key(stem: str) -> str:
    return next(f"{stem}{key}" for key in range(10) if luhn_sum(f"{stem}{key}") % 10 == 0)


SIRENS = st.integers(1, 99_999_999).map(lambda stem: with_key(f"{stem:08d}"))


@pytest.mark.parametrize(
    ("reader", "typed", "kept"),
    [
        (read_siren, "552100554", "552100554"),
        (read_siren, " 552 100 554 ", "552100554"),
        (read_siren, "552\u00a0100\u202f554", "552100554"),
        (read_siren, "356000000", "356000000"),  # La Poste
        (read_siren, "", ""),
        (read_siret, "552 100 554 00013", "55210055400013"),
        (read_siret, "35600000000048", "35600000000048"),  # La Poste, head office
        (read_siret, "35600000009075", "35600000009075"),  # La Poste: no Luhn, sum of digits 35
        (read_siret, "", ""),
        (read_vat_number, "fr 96 552 100 554", "FR96552100554"),
        (read_vat_number, "FR39356000000", "FR39356000000"),
        (read_vat_number, "FR53000004605", "FR53000004605"),  # Monaco
        (read_vat_number, "DE 136 695 976", "DE136695976"),
        (read_vat_number, "BE0403019261", "BE0403019261"),
        (read_vat_number, "GR094259216", "EL094259216"),
        (read_vat_number, "EL094259216", "EL094259216"),
        (read_vat_number, "  ", ""),
        (read_rpps, "1000 517 3140", "10005173140"),
        (read_rpps, "10101201234", "10101201234"),  # wrong key: a warning only
        (read_adeli, "640012345", "640012345"),
        (read_adeli, "2a0012345", "2A0012345"),
        (read_adeli, "2B 00 1234 5", "2B0012345"),
    ],
)
def test_a_number_is_kept_without_blanks_and_in_capitals(
    reader: Callable[[str], str], typed: str, kept: str
) -> None:
    assert reader(typed) == kept


@pytest.mark.parametrize(
    ("reader", "typed", "reason"),
    [
        (read_siren, "55210055", IdentityReason.SIREN_LENGTH),
        (read_siren, "5521005544", IdentityReason.SIREN_LENGTH),
        (read_siren, "55210055A", IdentityReason.SIREN_LENGTH),
        (read_siren, "٥٥٢١٠٠٥٥٤", IdentityReason.SIREN_LENGTH),
        (read_siren, "552100555", IdentityReason.SIREN_KEY),
        (read_siren, "000000000", IdentityReason.SIREN_KEY),
        (read_siret, "552100554", IdentityReason.SIRET_LENGTH),
        (read_siret, "55210055400014", IdentityReason.SIRET_KEY),
        (read_siret, "35600000009076", IdentityReason.SIRET_KEY),
        (read_siret, "00000000000000", IdentityReason.SIRET_KEY),
        (read_vat_number, "96552100554", IdentityReason.VAT_COUNTRY),
        (read_vat_number, "US552100554", IdentityReason.VAT_COUNTRY),
        (read_vat_number, "GB980780684", IdentityReason.VAT_COUNTRY),
        (read_vat_number, "FR95552100554", IdentityReason.VAT_SHAPE),
        (read_vat_number, "DE136695977", IdentityReason.VAT_SHAPE),
        (read_vat_number, "FR", IdentityReason.VAT_SHAPE),
        (read_rpps, "1000517314", IdentityReason.RPPS_SHAPE),
        (read_rpps, "1000517314X", IdentityReason.RPPS_SHAPE),
        (read_adeli, "64001234", IdentityReason.ADELI_SHAPE),
        (read_adeli, "2C0012345", IdentityReason.ADELI_SHAPE),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(
    reader: Callable[[str], str], typed: str, reason: IdentityReason
) -> None:
    with pytest.raises(IdentityRefused) as refused:
        reader(typed)

    assert refused.value.reason is reason


@pytest.mark.parametrize("reason", IdentityReason)
def test_each_reason_has_a_french_sentence(reason: IdentityReason) -> None:
    assert str(MESSAGES[reason]).endswith(".")


@given(SIRENS)
def test_the_vat_number_of_a_siren_is_accepted(siren: str) -> None:
    assert read_siren(siren) == siren
    assert read_vat_number(vat_number_of(siren)) == vat_number_of(siren)


@given(SIRENS, st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(siren: str, position: int, shift: int) -> None:
    digit = str((int(siren[position]) + shift) % 10)

    with pytest.raises(IdentityRefused):
        read_siren(siren[:position] + digit + siren[position + 1 :])


@given(st.text(max_size=20))
def test_a_reader_answers_any_text(typed: str) -> None:
    for reader in (read_siren, read_siret, read_vat_number, read_rpps, read_adeli):
        with suppress(IdentityRefused):
            assert reader(typed).isascii()


@pytest.mark.parametrize(
    ("territory", "siren", "siret", "vat_number", "reasons"),
    [
        ("FR", "552100554", "55210055400013", "FR96552100554", []),
        ("FR", "552100554", "", "", []),
        ("FR", "", "", "", [IdentityReason.SIREN_MISSING]),
        ("RE", "", "", "", [IdentityReason.SIREN_MISSING]),
        ("PF", "", "", "", []),
        ("NC", "", "", "", []),
        ("MC", "", "", "FR53000004605", []),
        ("MC", "552100554", "", "FR53000004605", []),
        ("FR", "356000000", "55210055400013", "", [IdentityReason.SIRET_OF_ANOTHER]),
        ("FR", "356000000", "", "FR96552100554", [IdentityReason.VAT_OF_ANOTHER]),
        ("EU", "", "", "DE136695976", []),
        ("EU", "", "", "", [IdentityReason.VAT_MISSING]),
        ("ZZ", "", "", "", []),
    ],
)
def test_the_numbers_of_a_client_agree(
    territory: str, siren: str, siret: str, vat_number: str, reasons: list[IdentityReason]
) -> None:
    found = contradictions(
        territory=Territory(territory), siren=siren, siret=siret, vat_number=vat_number
    )

    assert list(found) == reasons


@pytest.mark.parametrize(
    ("name", "is_sole_trader", "written"),
    [
        ("Anaïs Dupont", True, "Anaïs Dupont EI"),
        ("Anaïs Dupont", False, "Anaïs Dupont"),
        ("Anaïs Dupont EI", True, "Anaïs Dupont EI"),
        ("EI Anaïs Dupont", True, "EI Anaïs Dupont"),
        ("Anaïs Dupont E.I.", True, "Anaïs Dupont E.I."),
        ("Anaïs Dupont, entrepreneur individuel", True, "Anaïs Dupont, entrepreneur individuel"),
        (
            "Anaïs Dupont, entrepreneure individuelle",
            True,
            "Anaïs Dupont, entrepreneure individuelle",
        ),
        ("Eitan Beiger", True, "Eitan Beiger EI"),
    ],
)
def test_a_sole_trader_is_named_as_such(name: str, is_sole_trader: bool, written: str) -> None:
    assert name_on_documents(name, is_sole_trader=is_sole_trader) == written


@pytest.mark.parametrize(
    ("rpps", "adeli", "warnings"),
    [
        ("10005173140", "", []),
        ("10003879623", "640012345", []),
        ("10101201234", "", [IdentityReason.RPPS_KEY]),
        ("", "640012345", [IdentityReason.ADELI_ENDS]),
        ("", "", []),
    ],
)
def test_a_doubtful_professional_number_is_a_warning(
    rpps: str, adeli: str, warnings: list[IdentityReason]
) -> None:
    assert list(professional_warnings(rpps=rpps, adeli=adeli)) == warnings
