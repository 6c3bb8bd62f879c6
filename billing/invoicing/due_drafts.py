"""Makes the drafts of due periods, inside the unit ``public``: each period of a subscription once (F-33)."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Q

from billing.clients.models import Client
from billing.clients.party import buyer_kind
from billing.invoicing.assembly import seller_on
from billing.invoicing.contents import DraftContent
from billing.invoicing.due import (
    DueItem,
    OneOff,
    Period,
    documents_of,
    one_off_lines,
    period_lines,
    whole_period,
)
from billing.invoicing.errors import AlreadyIssued, NoSeller
from billing.invoicing.models import Draft, Invoice, SellerProfile
from billing.invoicing.series import PARIS, day_in_paris
from billing.invoicing.services import DraftPeriod, new_draft
from billing.invoicing.snapshot import Line
from billing.orders.models import Order, Subscription
from billing.orders.periods import periods_until
from billing.orders.withdrawal import first_payment_on
from billing.territories import Territory
from billing.vat import LineKind, SellerRegime, VatDecision, VatUndecided, decide
from tenants.audit.services import SYSTEM

AT_ONCE = 200


class Obstacle(StrEnum):
    """Why the due periods of a client have no draft; staff must end it."""

    NO_SELLER = "no_seller"
    TERRITORY = "territory"
    VAT = "vat"


@dataclass
class DueReport:
    """How many drafts were made, and how many subscriptions wait for what."""

    made: int = 0
    obstacles: Counter[Obstacle] = field(default_factory=Counter)


class Blocked(Exception):
    """The VAT of a client cannot be decided; ``obstacle`` says why."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


def make_due_drafts(*, now: dt.datetime, actor: str = SYSTEM) -> DueReport:
    """Make one draft for each period that began and has neither draft nor invoice; idempotent.

    A period is due on its first day. The draft of the first one holds the one-off products of the order too. An
    order that may be withdrawn from waits for the end of these days, unless the client asked to begin before it
    (F-33); then it waits for the eighth day, before which no money may be taken.
    """
    report, today = DueReport(), day_in_paris(now)
    try:
        seller = seller_on(today)
    except NoSeller:
        seller = None
    for chunk in _chunks():
        known = _known_starts(chunk)
        for subscription in chunk:
            periods = [
                period
                for period in _due_periods(subscription, now=now)
                if (subscription.ref, period[0]) not in known
            ]
            if not periods:
                continue
            try:
                vat = vat_of(subscription.order.client, seller, today)
            except Blocked as blocked:
                report.obstacles[blocked.obstacle] += 1
                continue
            for period in periods:
                report.made += _make(subscription, period, vat, actor=actor, now=now)
    return report


def _chunks() -> Iterator[list[Subscription]]:
    """Yield the subscriptions in parts, so that memory does not grow with their number."""
    alive = Q(order__state=Order.State.SIGNED) | Q(
        order__state=Order.State.TERMINATED, ends_on__isnull=False
    )
    found = Subscription.objects.filter(alive).select_related("order__client").order_by("id")
    found = found.prefetch_related("items__product", "order__items__product")
    last = 0
    while chunk := list(found.filter(id__gt=last)[:AT_ONCE]):
        yield chunk
        last = chunk[-1].pk


def _known_starts(chunk: list[Subscription]) -> set[tuple[uuid.UUID, dt.date | None]]:
    drafts = Draft.objects.filter(subscription__in=chunk)
    invoices = Invoice.objects.filter(
        subscription_ref__in=[subscription.ref for subscription in chunk], corrects__isnull=True
    )
    drafted = set(drafts.values_list("subscription__ref", "period_start"))
    invoiced = {
        (ref, start)
        for ref, start in invoices.values_list("subscription_ref", "period_start")
        if ref is not None
    }
    return drafted | invoiced


def _due_periods(subscription: Subscription, *, now: dt.datetime) -> list[Period]:
    today = day_in_paris(now)
    if not _may_invoice(subscription.order, now=now):
        return []
    periods = periods_until(
        subscription.starts_on,
        anchor_day=subscription.anchor_day,
        rhythm=subscription.rhythm,
        until=today,
    )
    ends_on = subscription.ends_on
    return [(start, end) for start, end in periods if ends_on is None or start < ends_on]


def _may_invoice(order: Order, *, now: dt.datetime) -> bool:
    if order.withdrawal_until is None or order.signed_at is None or now >= order.withdrawal_until:
        return True
    signed_on = order.signed_at.astimezone(PARIS).date()
    first = first_payment_on(signed_on, is_withdrawable=True)
    return order.starts_before_withdrawal_ends and day_in_paris(now) >= first


def vat_of(client: Client, seller: SellerProfile | None, today: dt.date) -> VatDecision:
    """Return the VAT of what a client buys on a day. Raises Blocked."""
    if seller is None:
        raise Blocked(Obstacle.NO_SELLER)
    if client.territory_confirmed_at is None or not client.territory:
        raise Blocked(Obstacle.TERRITORY)
    try:
        return decide(
            territory=Territory(client.territory),
            buyer=buyer_kind(client),
            regime=SellerRegime(seller.vat_regime),
            on=today,
        )
    except VatUndecided:
        raise Blocked(Obstacle.VAT) from None


def _make(
    subscription: Subscription,
    period: Period,
    vat: VatDecision,
    *,
    actor: str,
    now: dt.datetime,
) -> int:
    """Make the drafts of a period; return how many."""
    order = subscription.order
    parts = documents_of(_lines(subscription, period, vat))
    made = 0
    for position, lines in enumerate(parts):
        content = DraftContent(lines=lines, order_ref=order.number)
        linked = DraftPeriod(*period, subscription)
        if position and _has_separate(order):
            continue
        try:
            new_draft(
                client=order.client,
                content=content,
                period=None if position else linked,
                actor=actor,
                now=now,
            )
        except AlreadyIssued:  # another run was faster, and made all drafts of the period
            return made
        made += 1
    return made


def _lines(subscription: Subscription, period: Period, vat: VatDecision) -> Iterator[Line]:
    ends_on = subscription.ends_on
    used = (period[0], min(period[1], ends_on) if ends_on else period[1])
    whole = whole_period(period, anchor_day=subscription.anchor_day, rhythm=subscription.rhythm)
    items = [
        DueItem(
            item.name,
            item.quantity,
            item.unit_price,
            item.starts_on,
            item.ends_on,
            LineKind(item.product.kind),
        )
        for item in subscription.items.all()
    ]
    yield from period_lines(items, period=used, whole=whole, vat=vat)
    if period[0] == subscription.starts_on:
        yield from one_off_lines(_one_offs(subscription.order), vat=vat)


def _one_offs(order: Order) -> list[OneOff]:
    return [
        OneOff(
            item.name,
            item.quantity,
            item.unit_price,
            item.discount,
            item.discount_reason,
            LineKind(item.product.kind),
        )
        for item in order.items.all()
        if item.product.rhythm == "once"
    ]


def _has_separate(order: Order) -> bool:
    """Return whether the disbursements of an order have their document: a deleted draft is made again without."""
    drafts = Draft.objects.filter(subscription__isnull=True, corrects__isnull=True)
    invoices = Invoice.objects.filter(subscription_ref__isnull=True, corrects__isnull=True)
    return (
        drafts.filter(client=order.client, content__order_ref=order.number).exists()
        or invoices.filter(client_ref=order.client.ref, snapshot__order_ref=order.number).exists()
    )
