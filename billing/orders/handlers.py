"""Outbox handlers of orders: the link to sign, and the acknowledgement of a signature (F-32)."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.conf import settings
from django.urls import reverse

from billing.figures import euros
from billing.orders import kinds
from billing.orders.models import Order, OrderFile
from billing.orders.order_page import DUE
from billing.orders.order_snapshot import OrderSnapshot, from_json
from billing.orders.signing_links import open_link
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, not_sent, register
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import PUBLIC, Unit


class SendOffer(Handler[NoPayload]):
    """Sends the signatory the link to read and sign; not sent when the order is not offered any more."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the sending, with a new link for each attempt."""
        order = Order.objects.filter(pk=entry.subject_id, state=Order.State.SENT).first()
        if order is None:
            return not_sent("gone")
        context = {"number": order.number, "name": order.signatory_name}
        return partial(send, _email(entry, "order_offered", order, context, now), PUBLIC)


class AcknowledgeOrder(Handler[NoPayload]):
    """Sends the signed form to its signatory, with what happens next and the right to withdraw."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the sending with the signed PDF."""
        order = Order.objects.filter(pk=entry.subject_id, signed_at__isnull=False).first()
        if order is None or order.snapshot is None:
            return not_sent("gone")
        snapshot = from_json(order.snapshot)
        context = {
            "number": order.number,
            "name": order.signatory_name,
            "amounts": amounts_of(snapshot),
            "until": snapshot.withdrawal.until if snapshot.withdrawal else None,
            "is_new": bool(order.subdomain),
        }
        pdf = bytes(order.files.get(kind=OrderFile.Kind.FORM).data)
        attachment = (f"{order.number}.pdf", pdf, "application/pdf")
        email = _email(entry, "order_signed", order, context, now, attachment)
        return partial(send, email, PUBLIC)


def amounts_of(snapshot: OrderSnapshot) -> list[tuple[str, str]]:
    """Return what is due by rhythm, in words and incl. VAT: ("À payer chaque mois", "34,80 €")."""
    return [(DUE[rhythm], euros(snapshot.totals_of(rhythm).gross)) for rhythm in snapshot.rhythms]


def register_all() -> None:
    """Register the handlers of this app; called once, when apps are ready."""
    register(kinds.OFFERED, SendOffer())
    register(kinds.SIGNED, AcknowledgeOrder())


def _email(
    entry: OutboxEntry,
    template: str,
    order: Order,
    context: Mapping[str, object],
    now: datetime,
    *attachments: tuple[str, bytes, str],
) -> Email:
    token = open_link(order=order, now=now)
    path = reverse("signing:order", args=[token], urlconf=settings.PUBLIC_SCHEMA_URLCONF)
    return Email(entry, template, order.signatory_email, context, {"link": path}, attachments)
