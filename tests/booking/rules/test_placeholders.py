"""Placeholders in the texts of a practice: a fixed list, replaced once."""

import pytest

from booking.rules import placeholders

VALUES = {
    "prenom": "Camille",
    "date": "mardi 24 novembre",
    "heure": "14 h 30",
    "praticien": "Maite Exemple",
    "lieu": "12 rue de la Falaise, 64210 Bidart",
}


def test_every_placeholder_has_a_value() -> None:
    text = " ".join(f"{{{name}}}" for name in placeholders.PLACEHOLDERS)

    assert placeholders.fill(text, VALUES) == " ".join(VALUES.values())


@pytest.mark.parametrize("text", ["{ prenom }", "{prenom}"])
def test_spaces_inside_braces_do_not_count(text: str) -> None:
    assert placeholders.unknown_placeholders(text) == []
    assert placeholders.fill(text, VALUES) == "Camille"


def test_an_empty_value_removes_the_space_before_it() -> None:
    assert placeholders.fill("Bonjour {prenom}, à bientôt", {"prenom": ""}) == "Bonjour, à bientôt"


@pytest.mark.parametrize("value", ["{lieu}", "{0}", "{{x}}", "%(prenom)s", "{{ settings.KEY }}"])
def test_what_a_value_contains_is_never_read_again(value: str) -> None:
    assert placeholders.fill("A {prenom} B", {**VALUES, "prenom": value}) == f"A {value} B"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{nom}", ["nom"]),
        ("{prénom} {nom} {nom}", ["prénom", "nom"]),
        ("{prenom.__class__}", ["prenom.__class__"]),
        ("{0} {}", ["0", ""]),
        ("{prenom!r:>30}", ["prenom!r:>30"]),
        ("sans rien", []),
    ],
)
def test_what_is_not_in_the_list_is_unknown(text: str, found: list[str]) -> None:
    assert placeholders.unknown_placeholders(text) == found


@pytest.mark.parametrize(
    ("text", "is_stray"),
    [("{prenom", True), ("prenom}", True), ("{{prenom}}", True), ("{prenom}", False), ("", False)],
)
def test_a_stray_brace_is_found(text: str, *, is_stray: bool) -> None:
    assert placeholders.has_stray_brace(text) == is_stray


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("Voir https://exemple.fr", True),
        ("Voir HTTP:exemple", True),
        ("Voir www.exemple", True),
        ("sur exemple.com", True),
        ("Sonnez. Entrez.", False),
        ("à 14.30", False),
    ],
)
def test_web_addresses_are_found(text: str, *, is_link: bool) -> None:
    assert placeholders.has_link(text) == is_link


def test_empty_lines_are_no_paragraphs() -> None:
    assert placeholders.paragraphs("Un.\n\n  Deux. \n") == ["Un.", "Deux."]
