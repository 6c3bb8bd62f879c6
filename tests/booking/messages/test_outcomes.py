"""Delivery outcomes: one table, and no explanation blames the recipient for a failure of lib-rdv."""

import ast
from pathlib import Path

import pytest

from booking.messages.kind_labels import KIND_LABELS
from booking.messages.outcomes import (
    OUTCOMES,
    POINTLESS_REASONS,
    TONE_LABELS,
    UNKNOWN,
    Tone,
    outcome_of,
)
from booking.rules import kinds
from tenants.outbox.models import OutboxEntry

ROOT = Path(__file__).resolve().parents[3]
State = OutboxEntry.EntryState


def outcome(state: str, reason: str = ""):
    """Return the outcome of an entry with this state and reason."""
    return outcome_of(OutboxEntry(state=state, reason=reason))


@pytest.mark.parametrize(
    ("state", "reason", "tone", "label", "explanation", "advice"),
    [
        ("pending", "", "due", "à envoyer", "", ""),
        ("pending", "unreachable", "due", "à envoyer", "Notre service", "tout seul"),
        ("pending", "not_accepted", "due", "à envoyer", "Notre service", "tout seul"),
        ("pending", "deferred", "due", "à envoyer", "reportée", "tout seul"),
        ("pending", "KeyError", "due", "à envoyer", "pas abouti", "tout seul"),
        ("sent", "", "ok", "remis", "Remis à la messagerie", ""),
        ("no_channel", "", "bad", "pas d’adresse où écrire", "Pas d’adresse", "ajoutez son e-mail"),
        ("no_channel", "unreadable", "bad", "non remis", "agenda Google", "appelez la personne"),
        ("failed", "refused", "bad", "refusé", "Sa messagerie a refusé", "corrigez son e-mail"),
        ("failed", "sms_refused", "bad", "refusé", "Le SMS a été refusé", "Corrigez le numéro"),
        ("failed", "unreachable", "bad", "non remis", "Notre service", "n’est pas en cause"),
        ("failed", "not_accepted", "bad", "non remis", "Notre service", "n’est pas en cause"),
        ("failed", "deferred", "bad", "non remis", "reportée", "peut-être pleine"),
        ("failed", "too_long", "bad", "non remis", "dans un SMS", "raccourcissez"),
        ("failed", "ZeroDivisionError", "bad", "non remis", "n’a pas pu être remis", "Appelez"),
        ("not_sent", "late", "bad", "non remis", "à temps", "Appelez"),
        ("not_sent", "quiet_hours", "bad", "non remis", "Retardé jusqu’à la nuit", "Appelez"),
        ("not_sent", "moved", "gone", "abandonné", "a changé", ""),
        ("not_sent", "cancelled", "gone", "abandonné", "a été annulé", ""),
        ("not_sent", "erased", "gone", "abandonné", "déjà effacées", ""),
        ("not_sent", "person", "gone", "abandonné", "a demandé l’effacement", ""),
        ("not_sent", "stopped", "gone", "abandonné", "ne veut plus de rappel", ""),
        ("not_sent", "gone", "gone", "abandonné", "n’existe plus", ""),
        ("not_sent", "unheard_of", "bad", "non remis", "n’est pas parti", "Appelez"),
    ],
)
def test_every_state_and_reason_has_label_explanation_and_advice(
    state: str, reason: str, tone: str, label: str, explanation: str, advice: str
) -> None:
    found = outcome(state, reason)

    assert (found.tone, str(found.label)) == (tone, label)
    assert explanation in str(found.explanation)
    assert advice in str(found.advice)
    assert bool(advice) == bool(str(found.advice))


def test_only_a_refusal_names_the_server_of_the_recipient() -> None:
    blaming = {
        key for key, found in OUTCOMES.items() if "sa messagerie" in str(found.explanation).lower()
    }

    assert blaming == {(State.FAILED, "refused")}
    assert not any("messagerie a" in str(found.explanation) for found in UNKNOWN.values())


def test_a_missed_message_says_what_to_do() -> None:
    for found in (*OUTCOMES.values(), *UNKNOWN.values()):
        assert bool(str(found.advice)) or found.tone is not Tone.MISSED


def test_every_state_has_words_for_a_code_that_is_not_listed() -> None:
    assert set(UNKNOWN) == set(State)
    assert set(TONE_LABELS) == set(Tone)


def test_the_codes_that_reach_the_ledger_are_listed() -> None:
    """The reasons are read from the source of the handlers of messages."""
    written = set()
    for name in ("appointment_delivery", "digests"):
        tree = ast.parse((ROOT / f"booking/notifications/{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "not_sent":
                written |= {
                    argument.value for argument in node.args if isinstance(argument, ast.Constant)
                }

    assert written
    assert written <= {reason for state, reason in OUTCOMES if state == State.NOT_SENT}


def test_only_unsent_messages_are_pointless() -> None:
    assert {state for (state, _reason), found in OUTCOMES.items() if found.tone == "gone"} == {
        State.NOT_SENT
    }
    assert set(POINTLESS_REASONS) == {
        "moved",
        "cancelled",
        "erased",
        "person",
        "stopped",
        "gone",
        "over",
        "closed",
    }


def test_every_message_about_an_appointment_has_a_label() -> None:
    assert set(KIND_LABELS) == set(kinds.LEDGER_MESSAGES)
