"""Subdomains of practices (G-02): reserved, misleading and malformed ones are refused."""

import pytest

from tenants.subdomains import UnusableNameError, check_name


@pytest.mark.parametrize(
    "name",
    [
        "www", "api", "admin", "mail", "ordre", "cpam-64", "ameli", "mon-ameli", "sante-gouv",
        "ordre-des-medecins", "lib-rdv-support", "doctolib-bidart", "a", "-abc", "abc-", "a--b",
        "été", "12345", "a.b", "", "x" * 41,
    ],
)  # fmt: skip
def test_reserved_misleading_and_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(UnusableNameError):
        check_name(name)


@pytest.mark.parametrize("name", ["maite-exemple", "cabinet64", "Trois-Ponts", "dr-brouillon"])
def test_a_valid_name_is_accepted(name: str) -> None:
    assert check_name(name) == name.lower()
