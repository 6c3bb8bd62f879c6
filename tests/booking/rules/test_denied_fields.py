"""Questions that no form may ask (B-03)."""

import pytest

from booking.rules.persons import is_denied


@pytest.mark.parametrize(
    "label",
    [
        "Numéro de sécurité sociale",
        "NIR",
        "N.I.R.",
        "Date de naissance",
        "Né(e) le",
        "Votre âge",
        "Symptômes",
        "Diagnostic",
        "Êtes-vous enceinte ?",
        "Médicaments en cours",
        "Religion",
        "Carte Vitale",
        "Allergies connues",
        "ANTÉCÉDENTS",
    ],
)
def test_labels_that_ask_for_health_or_identity_are_refused(label: str) -> None:
    assert is_denied(label)


def test_a_denied_key_is_refused_with_a_harmless_label() -> None:
    assert is_denied("Une précision", "date_naissance")


@pytest.mark.parametrize(
    "label",
    [
        "Adresse de la visite",
        "Étage et code de la porte",
        "Avez-vous déjà consulté ici ?",
        "Page web",
    ],
)
def test_labels_that_serve_the_visit_pass(label: str) -> None:
    assert not is_denied(label)
