"""Delivery of the messages of the waiting list, and the end of its offers.

As in ``appointment_delivery``: the handler reads the rows again inside the unit, sends outside any transaction
with the ref of the entry as idempotency key, and completes in the transaction that records the terminal state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking.formats import sms
from booking.formats.names import greeting
from booking.messages import waiting_messages
from booking.messages.appointment_messages import (
    MessageChannel,
    Recipient,
    choose_channel,
)
from booking.messages.waiting_messages import Wait, WaitingMessageKind
from booking.models import Appointment, Location, Offer, Practice, WaitingEntry
from booking.notifications import sms_budget
from booking.notifications.appointment_delivery import (
    can_fall_back,
    instead_of_mail,
    place_lines,
)
from booking.rules import kinds
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice, substitute_of
from booking.waiting_list import (
    offers,
    waiting_contacts,
    waiting_entries,
)
from tenants import routing
from tenants.audit import services as audit
from tenants.email_transport import (
    MailRefusedError,
    MailUnavailableError,
    submit,
)
from tenants.outbox import delivery
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import Unit
from tenants.website import queries as website

CLOSED = not_sent("closed")
"""The site of the practice is suspended: an offer could not be accepted."""


@dataclass(frozen=True)
class OutgoingWaitingMessage:
    """The data of one message for its sending outside the transaction."""

    entry: OutboxEntry
    kind: WaitingMessageKind
    recipient: Recipient
    channel: MessageChannel
    wait: dict[str, Any]
    page: tuple[str, str]
    leave_token: str
    can_fall_back: bool = False


class OfferHandler(Handler[NoPayload]):
    """Notifies a person of an offer; the time of the offer starts when the message leaves."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Start the time of the offer, then send; nothing is sent when the offer has ended."""
        offer = offers.read_offer(entry.subject_id)
        if offer is None or not offers.mark_notified(offer=offer, now=now):
            return not_sent("over")
        offer = offers.read_offer(offer.pk)
        waiter = waiting_entries.entry_of(offer) if offer else None
        person = waiting_contacts.open_entry(waiter) if waiter else None
        hold = offer.appointment if offer else None
        if offer is None or waiter is None or person is None or hold is None:
            return not_sent("gone")
        settings = current_practice()
        channel = choose_channel(_recipient(person), sms_enabled=settings.sms_enabled)
        if channel is MessageChannel.NONE:
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
        message = OutgoingWaitingMessage(
            entry=entry,
            kind=WaitingMessageKind.OFFER,
            recipient=_recipient(person),
            channel=channel,
            wait=_facts(waiter, hold.location, settings) | _facts_of_offer(offer, hold, waiter),
            page=("offer", offers.link_of(offer)),
            leave_token=waiting_entries.link_of(waiter),
            can_fall_back=can_fall_back(_recipient(person), sms_enabled=settings.sms_enabled),
        )
        return partial(_send_if_live, message, unit=unit, now=now)

    def complete(
        self, entry: OutboxEntry, payload: NoPayload, outcome: Outcome, *, unit: Unit, now: datetime
    ) -> None:
        """Pass the slot on at once when the message failed; without a channel staff call the person."""
        if outcome.state is not OutboxEntry.EntryState.FAILED and outcome != CLOSED:
            return
        offer = offers.read_offer(entry.subject_id)
        if offer is not None:
            offers.end(
                offer=offer,
                state=Offer.OfferState.WITHDRAWN,
                actor=audit.SYSTEM,
                passes_on=outcome != CLOSED,
                now=now,
            )


class OfferExpiryHandler(Handler[NoPayload]):
    """Expires an offer whose time is over and offers its slot to the next entry."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Expire the offer in this transaction; no message follows."""
        offer = offers.read_offer(entry.subject_id)
        ended = offer is not None and offers.expire(offer=offer, now=now)
        return SENT if ended else not_sent("over")


class WaitingJoinedHandler(Handler[NoPayload]):
    """Confirms to a person their entry, its last day, and the link to leave the list."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Read the entry again; send nothing when it is erased."""
        waiter = waiting_entries.read_entry(entry.subject_id)
        person = waiting_contacts.open_entry(waiter) if waiter else None
        if waiter is None or person is None:
            return not_sent("gone")
        settings = current_practice()
        channel = choose_channel(_recipient(person), sms_enabled=settings.sms_enabled)
        if channel is MessageChannel.NONE:
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
        token = waiting_entries.link_of(waiter)
        message = OutgoingWaitingMessage(
            entry=entry,
            kind=WaitingMessageKind.JOINED,
            recipient=_recipient(person),
            channel=channel,
            wait=_facts(waiter, waiter.location, settings),
            page=("waiting", token),
            leave_token=token,
            can_fall_back=can_fall_back(_recipient(person), sms_enabled=settings.sms_enabled),
        )
        return partial(send, message, unit=unit, now=now)


def _send_if_live(message: OutgoingWaitingMessage, *, unit: Unit, now: datetime) -> Outcome:
    """Send an offer unless the site of the practice is suspended, where it could not be accepted."""
    return send(message, unit=unit, now=now) if routing.is_live(unit) else CLOSED


def send(message: OutgoingWaitingMessage, *, unit: Unit, now: datetime) -> Outcome:
    """Send one message, outside any unit. Raises TryAgain when the relay or gateway does not answer."""
    base_url = routing.base_url(unit)

    def address(name: str, token: str) -> str:
        return base_url + reverse(f"booking:{name}", args=[token], urlconf="config.urls_tenant")

    wait = Wait(
        base_url=base_url,
        url=address(*message.page),
        leave_url=address("waiting", message.leave_token),
        **message.wait,
    )
    if message.channel is MessageChannel.SMS:
        return _by_sms(message, wait, unit=unit, now=now)
    try:
        return _send_mail(message, wait, now=now)
    except MailUnavailableError as error:
        raise TryAgain(str(error)) from None
    except MailRefusedError as error:
        refused = Outcome(OutboxEntry.EntryState.FAILED, str(error))
    if message.can_fall_back:
        return instead_of_mail(_by_sms(message, wait, unit=unit, now=now), refused)
    return refused


def _by_sms(message: OutgoingWaitingMessage, wait: Wait, *, unit: Unit, now: datetime) -> Outcome:
    if not sms_budget.spend(unit=unit, entry=message.entry, now=now):
        return Outcome(OutboxEntry.EntryState.NO_CHANNEL, sms_budget.SPENT)
    try:
        return _send_sms(message, wait)
    except sms.SmsUnavailableError as error:
        raise TryAgain(str(error)) from None
    except sms.SmsRefusedError:
        return Outcome(OutboxEntry.EntryState.FAILED, "sms_refused")


def _send_mail(message: OutgoingWaitingMessage, wait: Wait, *, now: datetime) -> Outcome:
    submit(
        waiting_messages.render_mail(
            message.kind,
            wait=wait,
            recipient=message.recipient,
            key=message.entry.ref,
            now=now,
            is_retry=message.entry.attempts > 1,
        )
    )
    return SENT


def _send_sms(message: OutgoingWaitingMessage, wait: Wait) -> Outcome:
    gateway = sms.gateway()
    if gateway is None:
        return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
    try:
        text = waiting_messages.render_sms(message.kind, wait=wait)
    except ValueError:
        return Outcome(OutboxEntry.EntryState.FAILED, "too_long")
    gateway.send(
        number=message.recipient.phone,
        text=text,
        key=message.entry.ref,
        is_retry=message.entry.attempts > 1,
    )
    return SENT


def _recipient(person: Person) -> Recipient:
    return Recipient(
        first_name=greeting(person.first_name, person.last_name),
        email=person.email,
        phone=person.phone,
    )


def _facts(waiter: WaitingEntry, location: Location, settings: Practice) -> dict[str, Any]:
    """Return the common fields of a Wait except its addresses, which need the database role of the router."""
    practitioner = waiter.practitioner
    published = website.published()
    return {
        "zone": ZoneInfo(location.time_zone),
        "practitioner": practitioner.name if practitioner else settings.name,
        "erase_at": waiter.erase_at,
        "town": settings.town,
        "practice_phone": settings.phone,
        "practice_email": settings.email,
        "colour": published.colour if published else "",
    }


def _facts_of_offer(offer: Offer, hold: Appointment, waiter: WaitingEntry) -> dict[str, Any]:
    tied = waiter.appointment
    return {
        "practitioner": hold.practitioner.name,
        "starts_at": offer.starts_at,
        "until": offer.expires_at,
        "gives_back_at": tied.starts_at if tied else None,
        "minutes": hold.minutes,
        "substitute": substitute_of(hold),
        "place": place_lines(hold.location),
    }


def register() -> None:
    """Register the handlers; called once, when the apps are ready."""
    delivery.register(kinds.OFFER, OfferHandler())
    delivery.register(kinds.OFFER_EXPIRY, OfferExpiryHandler())
    delivery.register(kinds.WAITING_JOINED, WaitingJoinedHandler())
