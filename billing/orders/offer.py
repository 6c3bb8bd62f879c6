"""What an order form says: its lines with their VAT, the parties and the clauses, from the rows of the order."""

import datetime as dt
import hashlib
import json
from zoneinfo import ZoneInfo

from billing.clients.models import Client
from billing.clients.party import buyer_kind, buyer_of
from billing.orders.clauses import ANNEXES, CLAUSES
from billing.orders.models import Order, OrderItem
from billing.orders.order_snapshot import (
    OrderLine,
    OrderSnapshot,
    Signature,
    WithdrawalRight,
    to_json,
)
from billing.orders.seller import seller_on
from billing.territories import Territory
from billing.vat import LineKind, VatDecision, VatUndecided, decide, decide_line

PARIS = ZoneInfo("Europe/Paris")


def day_in_paris(now: dt.datetime) -> dt.date:
    """Return the day in Paris of an instant: the day of every document."""
    return now.astimezone(PARIS).date()


def vat_of(client: Client, *, on: dt.date) -> VatDecision:
    """Return the VAT of services to a client on a day (F-10, F-12).

    Raises VatUndecided, also before staff have confirmed the territory; SellerUnknown.
    """
    if not client.territory or client.territory_confirmed_at is None:
        raise VatUndecided("the territory is not confirmed")
    territory, buyer = Territory(client.territory), buyer_kind(client)
    return decide(territory=territory, buyer=buyer, regime=seller_on(on).regime, on=on)


def offer(
    order: Order,
    *,
    made_on: dt.date,
    withdrawal: WithdrawalRight | None = None,
    signature: Signature | None = None,
) -> OrderSnapshot:
    """Return what the form of an order says on a day; unsigned without ``signature``.

    Raises VatUndecided and SellerUnknown.
    """
    client = order.client
    vat = vat_of(client, on=made_on)
    return OrderSnapshot(
        number=order.number,
        version=order.version,
        made_on=made_on,
        seller=seller_on(made_on).party,
        client=buyer_of(client),
        lines=tuple(_line(item, vat) for item in order.items.select_related("product")),
        place_of_signature=order.place_of_signature or Order.SignaturePlace.ONLINE,
        clauses=CLAUSES,
        annexes=ANNEXES,
        is_at_most_five=client.headcount_at_most_five,
        withdrawal=withdrawal,
        signature=signature,
    )


def digest(snapshot: OrderSnapshot) -> str:
    """Return the SHA-256 of a form in hexadecimal: the page sends what it showed, the signature compares it."""
    text = json.dumps(to_json(snapshot), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _line(item: OrderItem, service: VatDecision) -> OrderLine:
    vat = decide_line(LineKind(item.product.kind), service)
    return OrderLine(
        name=item.name,
        quantity=item.quantity,
        unit_price=item.unit_price,
        category=vat.category,
        rate=vat.rate,
        rhythm=item.product.rhythm,
        discount=item.discount,
        discount_reason=item.discount_reason,
        kind=item.product.kind,
        vatex=vat.vatex,
        mention=vat.mention,
    )
