"""Names typed in one field, and the greeting of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.formats.names import greeting, split_name


@pytest.mark.parametrize(
    ("typed", "first", "last", "greeted"),
    [
        ("Mme Durand", "Mme", "Durand", "Madame Durand"),
        ("M. Martin", "M.", "Martin", "Monsieur Martin"),
        ("M.Dupont", "M.", "Dupont", "Monsieur Dupont"),
        ("Mlle Durand", "Mlle", "Durand", "Madame Durand"),
        ("Maître Durand", "Maître", "Durand", "Maître Durand"),
        ("Dr Claire Lemoine", "Claire", "Lemoine", "Claire"),
        ("Jean Pierre DUPONT", "Jean Pierre", "DUPONT", "Jean Pierre"),
        ("DUPONT Jean Pierre", "Jean Pierre", "DUPONT", "Jean Pierre"),
        ("Jean Pierre Dupont", "Jean Pierre", "Dupont", "Jean Pierre"),
        ("Jean Dupont Martin", "Jean", "Dupont Martin", "Jean"),
        ("de La Fontaine Jean", "Jean", "de La Fontaine", "Jean"),
        ("d'Arc Jeanne", "Jeanne", "d'Arc", "Jeanne"),
        ("Camille de la Dune", "Camille", "de la Dune", "Camille"),
        ("Le Goff", "", "Le Goff", ""),
        ("M. DUPONT, Jean", "Jean", "DUPONT", "Jean"),
        ("Mme", "", "Mme", ""),
        ("", "", "", ""),
    ],
)
def test_a_title_is_no_first_name(typed: str, first: str, last: str, greeted: str) -> None:
    """Mails said "Bonjour Mme,", "Bonjour Dr,", "Bonjour Jean,"; "de La Fontaine Jean" was called "de"."""
    assert split_name(typed) == (first, last)
    assert greeting(first, last) == greeted


@pytest.mark.parametrize(
    ("first", "greeted"),
    [
        ("Mme Claire", "Claire"),
        ("Gagnez 500e sur https://evil.example/cadeau", ""),
        ("Votre compte sera fermé ce soir", ""),
        ("evil.example", ""),
        ("Appelez le 0899", ""),
        ("J.-P.", "J.-P."),
        ("Zo\u200bé\u202e", "Zoé"),
        ("x" * 41, ""),
        ("محمد", "محمد"),
    ],
)
def test_a_message_greets_with_a_name_only(first: str, greeted: str) -> None:
    """A first name opened the mail with a sentence and an address of a stranger's choice."""
    assert greeting(first, "Durand") == greeted


@given(st.text(max_size=160))
def test_each_word_that_is_no_title_stays(typed: str) -> None:
    first, last = split_name(typed)
    assert last or not first
    assert (
        len(f"{first} {last}".split())
        <= len(typed.replace(",", " ").replace(".", ". ").split()) + 1
    )
