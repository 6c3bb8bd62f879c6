"""The commercial life of the demonstration's three practices: catalogue, orders, a year of invoices.

Everything is fictitious and goes through the services of ``billing``, at instants of the year that has passed.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from billing.catalogue.models import Price, Product
from billing.clients.models import Client, ClientAddress
from billing.invoicing import due_drafts, payments
from billing.invoicing.models import Draft, Invoice, Payment, SellerProfile
from billing.invoicing.series import day_in_paris, open_series
from billing.invoicing.services import credit, issue
from billing.invoicing.snapshot import from_json
from billing.orders import services as orders
from billing.orders.models import Order
from billing.orders.offer import digest, offer
from billing.orders.services import OrderChoice, OrderTerms, SigningAnswers
from config.devtools.demo_data import DemoPractice
from tenants.audit.services import SYSTEM
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry

MONTHS = 12
SIRENS = ("900000001", "900000019", "900000027")
CATALOGUE = (
    ("abonnement", "Prise de rendez-vous, par praticien", "month", "practitioner", "29.00"),
    ("sms", "Lot de 100 SMS", "month", "practice", "9.00"),
    ("mise-en-service", "Mise en service du site", "once", "practice", "150.00"),
)
SELLER = {
    "name": "lib-rdv (démonstration)",
    "legal_form": "SARL",
    "capital": "5\u00a0000 €",
    "register": "RCS Bayonne 123 456 782",
    "siren": "123456782",
    "siret": "12345678200010",
    "vat_number": "FR11123456782",
    "vat_regime": "normal",
    "street": "1 avenue de la Démonstration",
    "postcode": "64210",
    "town": "Bidart",
    "email": "facturation@example.org",
    "iban": "FR7630006000011234567890189",
    "bic": "AGRIFRPP",
    "penalty_rate": Decimal("12.15"),
}


@dataclass(frozen=True)
class DemoClient:
    """A practice of the demonstration with its place among the three and the territory of its invoices."""

    plan: DemoPractice
    tenant: Tenant
    number: int
    territory: str


def fill(clients: list[DemoClient], *, now: dt.datetime) -> None:
    """Make the data once, inside the unit ``public``: 12 months, one invoice overdue, one credit note."""
    if Order.objects.exists():
        return
    first = _month(now, MONTHS - 1)
    _seller(first)
    products = _catalogue(first)
    for client in clients:
        _order(_client(client, now=first), client, products, now=first)
    for back in reversed(range(MONTHS)):
        _month_of_invoices(_month(now, back), is_last=back == 0)
    _credit_last(now=now)
    # Mails of the past year would fill the mailbox: those of today leave.
    OutboxEntry.objects.filter(created_at__lt=now - dt.timedelta(days=5)).delete()


def _month(now: dt.datetime, back: int) -> dt.datetime:
    """Return an instant in the month that was ``back`` months ago, not after ``now``."""
    year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
    return now.replace(year=year, month=month + 1, day=1, hour=0, minute=30)


def _seller(first: dt.datetime) -> None:
    day = day_in_paris(first)
    SellerProfile.objects.create(valid_from=day, **SELLER)
    for year in range(day.year, day.year + 3):
        open_series(year=year)


def _catalogue(first: dt.datetime) -> dict[str, Product]:
    made = {}
    for code, name, rhythm, unit, net in CATALOGUE:
        made[code] = Product.objects.create(code=code, name=name, rhythm=rhythm, unit=unit)
        Price.objects.create(product=made[code], valid_from=day_in_paris(first), net=Decimal(net))
    return made


def _client(found: DemoClient, *, now: dt.datetime) -> Client:
    place, owner = found.plan.places[0], found.plan.owner
    client, _made = Client.objects.update_or_create(
        tenant=found.tenant,
        defaults={
            "legal_name": owner.name,
            "legal_form": "EI",
            "is_sole_trader": True,
            "trade_name": found.plan.practice["name"],
            "siren": SIRENS[found.number],
            "territory": found.territory,
            "territory_confirmed_at": now,
            "email": owner.email,
            "created_at": now,
        },
    )
    ClientAddress.objects.create(
        client=client,
        kind=ClientAddress.Kind.ESTABLISHMENT,
        street=place["street"],
        postcode=place["postcode"],
        town=place["town"],
    )
    return client


def _order(
    client: Client, found: DemoClient, products: dict[str, Product], *, now: dt.datetime
) -> None:
    people = sum(member.receives for member in found.plan.members)
    choices = [
        OrderChoice(products["abonnement"], Decimal(people)),
        OrderChoice(products["mise-en-service"], Decimal(1)),
    ]
    if people > 1:
        choices.append(OrderChoice(products["sms"], Decimal(1)))
    terms = OrderTerms(
        rhythm="month",
        place_of_signature="online",
        signatory_name=found.plan.owner.name,
        signatory_capacity=found.plan.practice["profession"],
        signatory_email=found.plan.owner.email,
    )
    order = orders.draft_order(client=client, choices=choices, terms=terms, actor=SYSTEM, now=now)
    orders.send_order(order=order, actor=SYSTEM, now=now)
    sent = Order.objects.select_related("client").get(pk=order.pk)
    answers = SigningAnswers(
        shown=digest(offer(sent, made_on=day_in_paris(now))),
        is_at_most_five=True,
        starts_at_once=False,
    )
    orders.sign_order(order=sent, answers=answers, now=now)


def _month_of_invoices(now: dt.datetime, *, is_last: bool) -> None:
    """Issue what is due; all is paid by transfer but the last month, and one invoice of the month before."""
    due_drafts.make_due_drafts(now=now)
    for draft in list(Draft.objects.order_by("id")):
        invoice = issue(draft_ref=draft.ref, now=now)
        if not is_last:
            _pay(invoice, now=now)


def _pay(invoice: Invoice, *, now: dt.datetime) -> None:
    if invoice.position % 10 == 2 and invoice.position > 20:  # one is forgotten, and overdue
        return
    payments.record_payment(
        invoice=invoice,
        amount=invoice.gross,
        on=invoice.issued_on + dt.timedelta(days=12),
        kind=Payment.Kind.TRANSFER,
        reference=f"VIR {invoice.number}",
        actor=SYSTEM,
        now=now,
    )


def _credit_last(*, now: dt.datetime) -> None:
    """Cancel the last invoice of the last client by a credit note."""
    invoice = Invoice.objects.filter(corrects__isnull=True).latest("id")
    draft = credit(
        invoice=invoice,
        lines=from_json(invoice.snapshot).lines,
        reason="Facturé deux fois",
        actor=SYSTEM,
        now=now,
    )
    issue(draft_ref=draft.ref, now=now)
