"""Order forms with invented parties."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from billing.orders.order_snapshot import (
    REQUIRED_CLAUSES,
    Clause,
    DomainName,
    OrderLine,
    OrderSnapshot,
    Signature,
    WithdrawalRight,
)
from tests.billing.invoicing.samples import SAINT_DENIS, SELLER

SIGNED_AT = dt.datetime(2026, 12, 1, 13, 5, tzinfo=dt.UTC)
TEXT = (
    "Texte de la clause, dans la version qui était affichée au moment de la commande. Il tient en une ou deux "
    "phrases simples."
)
CLAUSES = tuple(Clause(title, TEXT) for title in REQUIRED_CLAUSES)


def order_line(name: str, price: str, rhythm: str, **fields: object) -> OrderLine:
    """Return a line taxed as in La Réunion."""
    made = OrderLine(name, Decimal(1), Decimal(price), "S", Decimal("8.5"), rhythm)
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields of a line, by name


UNSIGNED = OrderSnapshot(
    "BC2026-000007",
    1,
    dt.date(2026, 12, 1),
    SELLER,
    SAINT_DENIS,
    (
        order_line(
            "Mise en service du site",
            "150.00",
            "once",
            details="Reprise de vos textes et photos, réglage des motifs et des horaires.",
        ),
        order_line(
            "Prise de rendez-vous, un praticien",
            "29.00",
            "month",
            details="Sans limite de rendez-vous. Les SMS ne sont pas compris.",
            discount=Decimal("4.35"),
            discount_reason="Remise de bienvenue 15\u00a0%",
        ),
        order_line("Nom de domaine", "12.00", "year", kind="resale"),
    ),
    "online",
    CLAUSES,
    (
        "Conditions du service, version 3",
        "Contrat de sous-traitance des données, version 2",
        "Fiche de traitement, version 3",
        "Mandat de prélèvement SEPA",
        "Liste des prestataires",
    ),
    domains=(DomainName("zoe-payet-psychologue.example", "Zoé Payet"),),
    is_at_most_five=True,
)
SIGNED = replace(
    UNSIGNED,
    signature=Signature("Zoé Payet", "psychologue", SIGNED_AT, "zoe@exemple.example"),
)
AT_THE_PRACTICE = replace(
    SIGNED,
    place_of_signature="client",
    withdrawal=WithdrawalRight(dt.date(2026, 12, 15)),
)
ORDERS = {"unsigned": UNSIGNED, "signed online": SIGNED, "with withdrawal": AT_THE_PRACTICE}
