"""The life of an order: draft, offer, signature, withdrawal, termination (F-30 to F-34).

All services run inside the unit ``public``, one transaction each. A signed order cannot change: the database
refuses it, to its owner too.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from billing.amounts import ZERO, add_months
from billing.catalogue.models import Product
from billing.catalogue.queries import price_on
from billing.clients.models import Client
from billing.clients.services import ClientOrder, order_tenant
from billing.orders import withdrawal
from billing.orders.clauses import DPA_VERSION, TERMS_VERSION
from billing.orders.kinds import OFFERED, SIGNED
from billing.orders.models import Order, OrderFile, OrderItem, Subscription, SubscriptionItem
from billing.orders.offer import PARIS, day_in_paris, digest, offer, vat_of
from billing.orders.order_page import draw_order
from billing.orders.order_snapshot import OrderSnapshot, Signature, WithdrawalRight, to_json
from tenants.audit.services import record
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write


class OrderRefused(Exception):
    """Base class of the refusals of these services; nothing was written."""


class NoPrice(OrderRefused):
    """A product has no price on the day of the order (F-34)."""


class AnotherRhythm(OrderRefused):
    """A recurring product is invoiced by another rhythm than the order."""


class NothingOrdered(OrderRefused):
    """The order has no line."""


class NotOpen(OrderRefused):
    """The order is not in the state that the action needs: signed, withdrawn or changed meanwhile."""


class OfferChanged(OrderRefused):
    """What would be signed is not what the page showed."""


class NoRightToWithdraw(OrderRefused):
    """The order may not be withdrawn from: no such right, or its days are over (F-33)."""


@dataclass(frozen=True, slots=True)
class OrderChoice:
    """A product of an order: how many, and an agreed discount in euros with its reason."""

    product: Product
    quantity: Decimal
    discount: Decimal = ZERO
    discount_reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What was agreed beside the lines. ``subdomain`` is "" for a client that has a practice."""

    rhythm: str
    place_of_signature: str
    signatory_name: str
    signatory_email: str
    signatory_capacity: str = ""
    starts_on: dt.date | None = None
    subdomain: str = ""
    profession: str = ""


@dataclass(frozen=True, slots=True)
class SigningAnswers:
    """What the signatory stated on the page; ``shown`` is the digest of the form that the page showed."""

    shown: str
    is_at_most_five: bool
    starts_at_once: bool
    network_hash: str = ""
    """A keyed hash of the network, part of the proof; the address itself is not kept."""


def draft_order(
    *,
    client: Client,
    choices: Sequence[OrderChoice],
    terms: OrderTerms,
    actor: str,
    now: dt.datetime,
) -> Order:
    """Make a draft with the names and prices of today. Raises NothingOrdered, NoPrice and AnotherRhythm."""
    today = day_in_paris(now)
    items = [
        _item(choice, position, terms.rhythm, today)
        for position, choice in enumerate(choices, start=1)
    ]
    if not items:
        raise NothingOrdered
    order = Order.objects.create(
        client=client,
        number=_next_number(today),
        rhythm=terms.rhythm,
        starts_on=terms.starts_on,
        place_of_signature=terms.place_of_signature,
        signatory_name=terms.signatory_name,
        signatory_capacity=terms.signatory_capacity,
        signatory_email=terms.signatory_email,
        subdomain=terms.subdomain,
        profession=terms.profession,
        terms_version=TERMS_VERSION,
        dpa_version=DPA_VERSION,
        created_at=now,
    )
    for item in items:
        item.order = order
    OrderItem.objects.bulk_create(items)
    record(verb="order.drafted", ref=order.ref, actor=actor, now=now)
    return order


def delete_order(*, order: Order, actor: str, now: dt.datetime) -> None:
    """Delete an order that is not signed. Raises NotOpen."""
    fresh = _locked(order)
    if fresh.state not in Order.UNSIGNED:
        raise NotOpen
    fresh.items.all().delete()
    fresh.delete()
    record(verb="order.deleted", ref=order.ref, actor=actor, now=now)


def send_order(*, order: Order, actor: str, now: dt.datetime) -> None:
    """Ask a worker to send the form to its signatory. Raises NotOpen, VatUndecided and SellerUnknown."""
    fresh = _locked(order)
    if fresh.state not in Order.UNSIGNED:
        raise NotOpen
    vat_of(fresh.client, on=day_in_paris(now))
    fresh.state, fresh.sent_at = Order.State.SENT, now
    fresh.save(update_fields=["state", "sent_at"])
    minute = str(int(now.timestamp()) // 60)
    write(due=[Due(OFFERED, subject_of(fresh), NO_PAYLOAD, now, minute)], now=now)
    record(verb="order.sent", ref=fresh.ref, actor=actor, now=now)


def sign_order(*, order: Order, answers: SigningAnswers, now: dt.datetime) -> Order:
    """Conclude the contract: freeze what was shown, keep PDF and proof, begin subscription and practice.

    The address of the signatory is confirmed by the link, which was sent there. Raises NotOpen for an order that
    is not offered any more, OfferChanged when the page showed another form, VatUndecided and SellerUnknown.
    """
    fresh = _locked(order)
    if fresh.state != Order.State.SENT or fresh.sent_at is None:
        raise NotOpen
    made_on, today = day_in_paris(fresh.sent_at), day_in_paris(now)
    if digest(offer(fresh, made_on=made_on)) != answers.shown:
        raise OfferChanged
    Client.objects.filter(pk=fresh.client_id).update(headcount_at_most_five=answers.is_at_most_five)
    fresh.client.headcount_at_most_five = answers.is_at_most_five
    right = _right(fresh, answers, today)
    signature = Signature(
        fresh.signatory_name, fresh.signatory_capacity, now, fresh.signatory_email
    )
    snapshot = offer(fresh, made_on=made_on, withdrawal=right, signature=signature)
    pdf = draw_order(snapshot)
    _freeze(fresh, snapshot, pdf, answers, right, now=now)
    _keep_files(fresh, snapshot, pdf, answers, now=now)
    _begin_subscription(fresh, right, today)
    _order_practice(fresh, now=now)
    write(due=[Due(SIGNED, subject_of(fresh), NO_PAYLOAD, now)], now=now)
    record(verb="order.signed", ref=fresh.ref, actor="signatory", now=now)
    return fresh


def withdraw_order(*, order: Order, actor: str, now: dt.datetime) -> Order:
    """End a signed order within the days of withdrawal (F-33). Raises NotOpen and NoRightToWithdraw."""
    fresh = _locked(order)
    if fresh.state != Order.State.SIGNED:
        raise NotOpen
    if fresh.withdrawal_until is None or now >= fresh.withdrawal_until:
        raise NoRightToWithdraw
    _end(fresh, Order.State.WITHDRAWN, day_in_paris(now), now=now)
    text = f"Rétractation du bon de commande {fresh.number}, reçue le {now.isoformat()}."
    _keep(fresh, OrderFile.Kind.WITHDRAWAL, text.encode(), now=now)
    record(verb="order.withdrawn", ref=fresh.ref, actor=actor, now=now)
    return fresh


def terminate_order(*, order: Order, actor: str, now: dt.datetime) -> Order:
    """End a signed order after its months of notice. Raises NotOpen."""
    fresh = _locked(order)
    if fresh.state != Order.State.SIGNED:
        raise NotOpen
    last = add_months(day_in_paris(now), fresh.termination_months)
    _end(fresh, Order.State.TERMINATED, last, now=now)
    record(verb="order.terminated", ref=fresh.ref, actor=actor, now=now)
    return fresh


# --- Parts -------------------------------------------------------------------------------------------


def _item(choice: OrderChoice, position: int, rhythm: str, today: dt.date) -> OrderItem:
    product = choice.product
    if product.rhythm not in {Product.Rhythm.ONCE, rhythm}:
        raise AnotherRhythm(product.code)
    price = price_on(product, today)
    if price is None:
        raise NoPrice(product.code)
    return OrderItem(
        position=position,
        product=product,
        name=product.name,
        quantity=choice.quantity,
        unit_price=price.net,
        discount=choice.discount,
        discount_reason=choice.discount_reason,
    )


def _next_number(today: dt.date) -> str:
    """Return the next number of the year; concurrent orders wait for one another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('orders.number'))")
    prefix = f"B{today.year}-"
    last = Order.objects.filter(number__startswith=prefix).order_by("-number").first()
    return f"{prefix}{int(last.number[len(prefix) :]) + 1 if last else 1:06d}"


def _locked(order: Order) -> Order:
    found = Order.objects.select_for_update(of=("self",)).select_related("client__tenant")
    fresh = found.filter(pk=order.pk).first()
    if fresh is None:
        raise NotOpen
    return fresh


def _right(order: Order, answers: SigningAnswers, today: dt.date) -> WithdrawalRight | None:
    place = order.place_of_signature
    if not withdrawal.has_right(place=place, is_at_most_five=answers.is_at_most_five):
        return None
    return WithdrawalRight(withdrawal.last_day(today), is_started=answers.starts_at_once)


def _freeze(
    order: Order,
    snapshot: OrderSnapshot,
    pdf: bytes,
    answers: SigningAnswers,
    right: WithdrawalRight | None,
    *,
    now: dt.datetime,
) -> None:
    order.state, order.signed_at = Order.State.SIGNED, now
    order.snapshot, order.sha256 = to_json(snapshot), hashlib.sha256(pdf).digest()
    order.starts_before_withdrawal_ends = right is not None and answers.starts_at_once
    order.withdrawal_until = _end_of(right.until) if right else None
    order.save()


def _end_of(day: dt.date) -> dt.datetime:
    """Return the instant at which a day in Paris ends."""
    after = day + dt.timedelta(days=1)
    return dt.datetime(after.year, after.month, after.day, tzinfo=PARIS)


def _keep_files(
    order: Order, snapshot: OrderSnapshot, pdf: bytes, answers: SigningAnswers, *, now: dt.datetime
) -> None:
    proof = {
        "order": order.number,
        "version": order.version,
        "signed_at": now.isoformat(),
        "confirmed_address": order.signatory_email,
        "shown_sha256": answers.shown,
        "signed_sha256": digest(snapshot),
        "pdf_sha256": hashlib.sha256(pdf).hexdigest(),
        "network": answers.network_hash,
        "at_most_five": answers.is_at_most_five,
        "starts_at_once": answers.starts_at_once,
        "terms": order.terms_version,
        "dpa": order.dpa_version,
    }
    _keep(order, OrderFile.Kind.FORM, pdf, now=now)
    _keep(order, OrderFile.Kind.PROOF, json.dumps(proof, sort_keys=True).encode(), now=now)


def _keep(order: Order, kind: OrderFile.Kind, data: bytes, *, now: dt.datetime) -> None:
    OrderFile.objects.create(
        order=order, kind=kind, data=data, sha256=hashlib.sha256(data).digest(), created_at=now
    )


def _begin_subscription(order: Order, right: WithdrawalRight | None, today: dt.date) -> None:
    items = order.items.exclude(product__rhythm=Product.Rhythm.ONCE).select_related("product")
    starts_on = max(order.starts_on or today, today)
    if right and not right.is_started:
        starts_on = max(starts_on, right.until + dt.timedelta(days=1))
    subscription = Subscription.objects.create(
        order=order, starts_on=starts_on, anchor_day=starts_on.day, rhythm=order.rhythm
    )
    SubscriptionItem.objects.bulk_create(
        [
            SubscriptionItem(
                subscription=subscription,
                product=item.product,
                name=item.name,
                quantity=item.quantity,
                unit_price=_recurring_price(item),
                starts_on=starts_on,
            )
            for item in items
        ]
    )


def _recurring_price(item: OrderItem) -> Decimal:
    """Return the unit price of a period; an agreed discount of a recurring product holds for each period."""
    return (item.unit_price - item.discount / item.quantity).quantize(Decimal("0.0001"))


def _order_practice(order: Order, *, now: dt.datetime) -> None:
    """Order the practice of a client that has none; its owner is invited when it is built (G-10)."""
    client = order.client
    if client.tenant_id is not None or not order.subdomain:
        return
    tenant_order = ClientOrder(
        practice_name=client.trade_name or client.legal_name,
        subdomain=order.subdomain,
        profession=order.profession,
        time_zone="Europe/Paris",
        territory="" if client.territory in {"FR", "MC", "EU", "ZZ"} else client.territory,
        owner_name=order.signatory_name,
        owner_email=order.signatory_email,
        is_professional=True,
        is_adult=True,
    )
    order_tenant(order=tenant_order, client=client, actor="signatory", now=now)


def _end(order: Order, state: Order.State, ends_on: dt.date, *, now: dt.datetime) -> None:
    order.state, order.ended_at = state, now
    order.save(update_fields=["state", "ended_at"])
    for subscription in Subscription.objects.filter(order=order):
        subscription.ends_on = max(ends_on, subscription.starts_on)
        subscription.save(update_fields=["ends_on"])
