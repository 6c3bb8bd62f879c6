"""One invoice for each case of the requirements, with invented parties. Checks of documents run over them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from billing.invoicing.mentions import Terms, notes
from billing.invoicing.snapshot import (
    Address,
    BankAccount,
    Correction,
    DirectDebit,
    InvoiceSnapshot,
    Line,
    Party,
)
from billing.vat import (
    ARTICLE_294,
    DISBURSEMENT,
    FRANCHISE,
    OUT_OF_SCOPE,
    REVERSE_CHARGE,
    VatDecision,
)

ISSUED, DUE = dt.date(2026, 12, 1), dt.date(2026, 12, 31)
DECEMBER = (dt.date(2026, 12, 1), dt.date(2026, 12, 31))
FULL, REDUCED = VatDecision("S", Decimal(20)), VatDecision("S", Decimal("8.5"))
TERMS = Terms(penalty_rate=Decimal("12.15"), register="RCS Bayonne 123 456 782")
NOTES, ABROAD = notes(terms=TERMS, case="B2B"), notes(terms=TERMS, case="B2BINT")

SELLER = Party(
    "lib-rdv",
    Address("12 rue des Thermes", "64210", "Bidart"),
    siren="123456782",
    siret="12345678200010",
    vat_number="FR54123456782",
    legal_info="SARL au capital de 5 000 €, RCS Bayonne 123 456 782",
    email="facturation@lib-rdv.example",
    phone="05 59 00 00 00",
    endpoint="123456782",
)
BUYER = Party(
    "Anaïs Dupont-Lœuvre EI",
    Address("4 bis rue Nationale", "67000", "Strasbourg"),
    siren="552100554",
    siret="55210055400013",
    endpoint="552100554_SERVICE1",
)
SAINT_DENIS = replace(
    BUYER, name="Zoé Payet EI", address=Address("3 rue Juliette Dodu", "97400", "Saint-Denis")
)
CAYENNE = replace(
    BUYER, name="Loïc Régis EI", address=Address("9 rue Léopold Héder", "97300", "Cayenne")
)
PAPEETE = Party(
    "Hina Teva",
    Address("PK 4 côté montagne", "98714", "Papeete", "PF"),
    endpoint="hina@exemple.pf",
    endpoint_scheme="EM",
)
BERLIN = Party(
    "Praxis Müller GmbH",
    Address("Lindenstraße 3", "10115", "Berlin", "DE"),
    vat_number="DE136695976",
    endpoint="DE136695976",
    endpoint_scheme="9930",
)
DEBIT = DirectDebit("RDV-000123-1", "FR72ZZZ123456", "0189")
ACCOUNT = BankAccount("FR7630006000011234567890189", "AGRIFRPP")


def line(
    name: str = "Abonnement prise de rendez-vous",
    price: str = "29.00",
    vat: VatDecision = FULL,
    quantity: str = "1",
    **fields: Any,
) -> Line:
    """Return a line with the VAT of a decision."""
    made = Line(
        name,
        Decimal(quantity),
        Decimal(price),
        vat.category,
        vat.rate,
        vatex=vat.vatex,
        mention=vat.mention,
    )
    return replace(made, **fields)


def subscription(vat: VatDecision = FULL, **fields: Any) -> Line:
    """Return the line of a month's subscription."""
    return line(vat=vat, starts_on=DECEMBER[0], ends_on=DECEMBER[1], **fields)


BASE = InvoiceSnapshot(
    "F2026-000042",
    ISSUED,
    DUE,
    SELLER,
    BUYER,
    (subscription(),),
    NOTES,
    period=DECEMBER,
    direct_debit=DEBIT,
)
BY_TRANSFER = replace(BASE, direct_debit=None, account=ACCOUNT)
CORRECTION = Correction("F2026-000042", ISSUED, "Résiliation")

SAMPLES = {
    "metropolitan France": BASE,
    "paid by transfer": BY_TRANSFER,
    "La Réunion": replace(BASE, buyer=SAINT_DENIS, lines=(subscription(REDUCED),)),
    "Guyane": replace(BASE, buyer=CAYENNE, lines=(subscription(ARTICLE_294),)),
    "franchise": replace(
        BASE, seller=replace(SELLER, vat_number=""), lines=(subscription(FRANCHISE),)
    ),
    "reverse charge": replace(
        BY_TRANSFER, buyer=BERLIN, lines=(subscription(REVERSE_CHARGE),), notes=ABROAD
    ),
    "outside the scope": replace(
        BY_TRANSFER, buyer=PAPEETE, lines=(subscription(OUT_OF_SCOPE),), notes=ABROAD
    ),
    "credit note": replace(
        BASE,
        number="A2026-000003",
        due_on=ISSUED,
        corrects=CORRECTION,
        notes=notes(terms=TERMS, case="B2B", corrects=CORRECTION),
        direct_debit=None,
    ),
    "discount": replace(
        BASE,
        lines=(
            subscription(discount=Decimal("4.35"), discount_reason="Remise de bienvenue 15 %"),
            line("Mise en service", "150.00"),
        ),
    ),
    "prorated": replace(
        BASE,
        lines=(
            line(
                "Abonnement prise de rendez-vous, 15 jours sur 31",
                "14.03",
                starts_on=dt.date(2026, 12, 17),
                ends_on=DECEMBER[1],
            ),
        ),
        period=(dt.date(2026, 12, 17), DECEMBER[1]),
    ),
    "disbursement": replace(
        BASE,
        lines=(
            subscription(),
            line("Nom de domaine", "11.99", DISBURSEMENT, kind="disbursement"),
        ),
    ),
    "buyer without SIRET": replace(BASE, buyer=replace(BUYER, siret="")),
    "option for debits": replace(BASE, vat_on_debits=True),
    "paid already": replace(BASE, direct_debit=None, paid=Decimal("34.80")),
    "paid in part": replace(BY_TRANSFER, paid=Decimal("10.00")),
    "billing address": replace(
        BASE,
        buyer=replace(
            BUYER,
            vat_number="FR96552100554",
            billing_address=Address(
                "BP 12", "67009", "Strasbourg Cedex", building="Cabinet du quai"
            ),
        ),
        order_ref="BC2026-000007",
    ),
    "two rates": replace(
        BASE, lines=(subscription(), line("Formation sur place", "120.50", REDUCED, "2.5"))
    ),
    "half a cent": replace(
        BASE, lines=(line("Message", "0.0725", quantity="37"), line("Appel", "0.0049"))
    ),
}


def _abroad() -> dict[str, InvoiceSnapshot]:
    """Return cases of Monaco, overseas collectivities, the franchise abroad, and single disbursements."""
    franchise = replace(BY_TRANSFER, seller=replace(SELLER, vat_number=""), notes=ABROAD)
    out_of_scope = replace(BY_TRANSFER, lines=(subscription(OUT_OF_SCOPE),), notes=ABROAD)
    monaco = Party(
        "Cabinet du Rocher",
        Address("1 rue Grimaldi", "98000", "Monaco", "MC"),
        vat_number="FR53000004605",
        endpoint="rocher@exemple.mc",
        endpoint_scheme="EM",
    )
    domain = line("Nom de domaine", "11.99", DISBURSEMENT, kind="disbursement")
    saint_martin = Address("1 rue de Hollande", "97150", "Saint-Martin")
    saint_barthelemy = Address("1 rue Victor Hugo", "97133", "Saint-Barthélemy", "BL")
    geneva = Address("1 rue du Lac", "1201", "Genève", "CH")
    return {
        "Monaco": replace(BASE, buyer=monaco, notes=ABROAD),
        "Saint-Martin": replace(out_of_scope, buyer=replace(BUYER, address=saint_martin)),
        "Saint-Barthélemy": replace(out_of_scope, buyer=replace(BUYER, address=saint_barthelemy)),
        "Switzerland": replace(out_of_scope, buyer=replace(PAPEETE, address=geneva)),
        "franchise in Polynesia": replace(
            franchise, buyer=PAPEETE, lines=(subscription(FRANCHISE),)
        ),
        "franchise in Germany": replace(franchise, buyer=BERLIN, lines=(subscription(FRANCHISE),)),
        "disbursement alone": replace(BY_TRANSFER, buyer=PAPEETE, lines=(domain,), notes=ABROAD),
        "disbursement beside reverse charge": replace(
            BY_TRANSFER, buyer=BERLIN, lines=(subscription(REVERSE_CHARGE), domain), notes=ABROAD
        ),
        "not taxable": replace(
            BY_TRANSFER,
            buyer=replace(BUYER, siren="", siret="", endpoint="a@b.example", endpoint_scheme="EM"),
            notes=notes(terms=TERMS, case="B2C"),
        ),
        "nothing to pay": replace(BASE, lines=(line("Mois offert", "0"),)),
    }


SAMPLES |= _abroad()


def with_lines(name: str, amounts: Iterable[tuple[Decimal, Decimal]]) -> InvoiceSnapshot:
    """Return a sample with other lines of its VAT: pairs of a quantity and a unit price."""
    sample = SAMPLES[name]
    first = sample.lines[0]
    lines = tuple(
        replace(first, name=f"Prestation {number}", quantity=quantity, unit_price=price)
        for number, (quantity, price) in enumerate(amounts, 1)
    )
    return replace(sample, lines=lines)


VAT_CASES = (
    "metropolitan France",
    "La Réunion",
    "Guyane",
    "franchise",
    "reverse charge",
    "outside the scope",
    "credit note",
    "option for debits",
)
