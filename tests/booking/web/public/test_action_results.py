"""What the page of an appointment says after an action, by the code of its result."""

import pytest

from booking.web.public import action_results


@pytest.mark.parametrize(
    ("code", "title", "sentence"),
    [
        ("deplace", "Votre rendez-vous est déplacé.", "L'ancien créneau est libéré."),
        (
            "efface",
            "C'est noté\u00a0: plus aucun message ne vous sera envoyé.",
            "Vos coordonnées sont effacées demain\u00a0: d'ici là, elles seules disent au cabinet qui vient.",
        ),
        (
            "retard",
            "Camille Spécimen est prévenu(e) de votre retard.",
            "Selon l'heure, le rendez-vous pourra être plus court.",
        ),
    ],
)
def test_an_action_that_succeeded_has_its_title_and_its_sentence(
    code: str, title: str, sentence: str
) -> None:
    result = action_results.succeeded(code, practitioner="Camille Spécimen", moment="demain")

    assert result == action_results.ActionResult(code, title, sentence)


@pytest.mark.parametrize("code", ["", "inconnu", "%(moment)s"])
def test_an_unknown_code_says_nothing(code: str) -> None:
    assert action_results.succeeded(code, practitioner="Camille Spécimen", moment="demain") is None
    assert action_results.refused(code) is None


@pytest.mark.parametrize("code", ["taken", "beyond", "late"])
def test_an_action_that_was_refused_says_why(code: str) -> None:
    result = action_results.refused(code)

    assert result is not None
    assert result.title
    assert result.sentence
