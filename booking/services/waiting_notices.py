"""Delivering what the waiting list sends, and ending its offers: the handlers of its outbox entries.

As in booking.services.notices: re-read the rows inside the unit, hand over outside any transaction with
the entry's ref as key, settle in the transaction that records the one terminal state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking import kinds, sms, waiting_messages
from booking.messages import Channel, Recipient, choose_channel
from booking.models import Appointment, Location, Offer, Practice, WaitingEntry
from booking.persons import Person
from booking.services import deadlines, notices, offering, waiting, waiting_contacts
from booking.services.notices import dropped, place_lines
from booking.waiting_messages import Kind, Wait
from tenants import routing
from tenants.mail import MailRefusedError, MailUnavailableError, hand_over
from tenants.outbox import delivery
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tenants.trail import services as trail

CLOSED = dropped("closed")
"""The practice takes no bookings online."""


@dataclass(frozen=True)
class Letter:
    """What one message needs once the transaction is over; it lives as long as its sending."""

    entry: OutboxEntry
    kind: Kind
    recipient: Recipient
    channel: Channel
    wait: dict[str, Any]
    page: tuple[str, str]
    leave_token: str


class OfferLetter:
    """Tells a person what is offered; its time counts from the moment at which it leaves."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Start the person's time, then send; an offer that has ended is not told."""
        offer = offering.offer_as_it_is(entry.object_id or 0)
        if offer is None or not offering.tell(offer=offer, now=now):
            return dropped("over")
        offer = offering.offer_as_it_is(offer.pk)
        waiter = waiting.entry_of(offer) if offer else None
        person = waiting_contacts.open_entry(waiter) if waiter else None
        hold = offer.appointment if offer else None
        if offer is None or waiter is None or person is None or hold is None:
            return dropped("gone")
        settings = deadlines.practice()
        channel = choose_channel(_recipient(person), sms_enabled=settings.sms_enabled)
        if channel is Channel.NONE:
            return Outcome(OutboxEntry.State.NO_CHANNEL)
        letter = Letter(
            entry=entry,
            kind=Kind.OFFER,
            recipient=_recipient(person),
            channel=channel,
            wait=_facts(waiter, hold.location, settings) | _facts_of_offer(offer, hold, waiter),
            page=("offer", offering.link_of(offer)),
            leave_token=waiting.link_of(waiter),
        )
        return partial(_send_if_live, letter, unit=unit, now=now)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Pass the slot on at once when nobody could be told; who is called by hand keeps the offer."""
        if outcome.state is not OutboxEntry.State.FAILED and outcome != CLOSED:
            return
        offer = offering.offer_as_it_is(entry.object_id or 0)
        if offer is not None:
            offering.end(
                offer=offer,
                state=Offer.State.WITHDRAWN,
                actor=trail.SYSTEM,
                passes_on=outcome != CLOSED,
                now=now,
            )


class OfferExpiry:
    """Ends an offer whose time is over and holds its slot for the next person."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Do it here, in one transaction: nothing leaves the house."""
        offer = offering.offer_as_it_is(entry.object_id or 0)
        ended = offer is not None and offering.expire(offer=offer, now=now)
        return SENT if ended else dropped("over")

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows: what follows was written with the end."""


class JoinedLetter:
    """Says that a person is on the list, until when, and how to leave it."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Re-read the entry: who has left is not written to."""
        waiter = waiting.entry_as_it_is(entry.object_id or 0)
        person = waiting_contacts.open_entry(waiter) if waiter else None
        if waiter is None or person is None:
            return dropped("gone")
        settings = deadlines.practice()
        channel = choose_channel(_recipient(person), sms_enabled=settings.sms_enabled)
        if channel is Channel.NONE:
            return Outcome(OutboxEntry.State.NO_CHANNEL)
        token = waiting.link_of(waiter)
        letter = Letter(
            entry=entry,
            kind=Kind.JOINED,
            recipient=_recipient(person),
            channel=channel,
            wait=_facts(waiter, waiter.location, settings),
            page=("waiting", token),
            leave_token=token,
        )
        return partial(send, letter, unit=unit, now=now)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows."""


def _send_if_live(letter: Letter, *, unit: Unit, now: datetime) -> Outcome:
    """Offer nothing in the name of a practice whose site is suspended: nobody could accept."""
    return send(letter, unit=unit, now=now) if routing.is_live(unit) else CLOSED


def send(letter: Letter, *, unit: Unit, now: datetime) -> Outcome:
    """Hand one letter over, outside any unit; raises TryAgain when the outside does not answer."""
    base_url = routing.base_url(unit)

    def address(name: str, token: str) -> str:
        return base_url + reverse(f"booking:{name}", args=[token], urlconf="config.urls_tenant")

    wait = Wait(
        base_url=base_url,
        url=address(*letter.page),
        leave_url=address("waiting", letter.leave_token),
        **letter.wait,
    )
    try:
        if letter.channel is Channel.SMS:
            return _send_sms(letter, wait)
        return _send_mail(letter, wait, now=now)
    except (MailUnavailableError, sms.SmsUnavailableError) as error:
        raise TryAgain(str(error)) from None
    except (MailRefusedError, sms.SmsRefusedError) as error:
        return Outcome(OutboxEntry.State.FAILED, str(error))


def _send_mail(letter: Letter, wait: Wait, *, now: datetime) -> Outcome:
    hand_over(
        waiting_messages.render_mail(
            letter.kind,
            wait=wait,
            recipient=letter.recipient,
            key=letter.entry.ref,
            now=now,
            is_retry=letter.entry.attempts > 1,
        )
    )
    return SENT


def _send_sms(letter: Letter, wait: Wait) -> Outcome:
    gateway = sms.gateway()
    if gateway is None:
        return Outcome(OutboxEntry.State.NO_CHANNEL)
    try:
        text = waiting_messages.render_sms(letter.kind, wait=wait)
    except ValueError:
        return Outcome(OutboxEntry.State.FAILED, "too_long")
    gateway.send(
        number=letter.recipient.phone,
        text=text,
        key=letter.entry.ref,
        is_retry=letter.entry.attempts > 1,
    )
    return SENT


def _recipient(person: Person) -> Recipient:
    return Recipient(first_name=person.first_name, email=person.email, phone=person.phone)


def _facts(waiter: WaitingEntry, location: Location, settings: Practice) -> dict[str, Any]:
    """What every message of the list says, addresses apart: they need the router's role."""
    who = waiter.practitioner
    return {
        "zone": ZoneInfo(location.time_zone),
        "practitioner": who.name if who else settings.name,
        "erase_at": waiter.erase_at,
        "town": settings.town,
        "practice_phone": settings.phone,
        "practice_email": settings.email,
    }


def _facts_of_offer(offer: Offer, hold: Appointment, waiter: WaitingEntry) -> dict[str, Any]:
    tied = waiter.appointment
    return {
        "practitioner": hold.practitioner.name,
        "starts_at": offer.starts_at,
        "until": offer.expires_at,
        "gives_back_at": tied.starts_at if tied else None,
        "substitute": notices.substitute_of(hold),
        "place": place_lines(hold.location),
    }


def register() -> None:
    """Make the handlers responsible for their kinds; called once, when the apps are ready."""
    delivery.register(kinds.OFFER, OfferLetter())
    delivery.register(kinds.OFFER_EXPIRY, OfferExpiry())
    delivery.register(kinds.WAITING_JOINED, JoinedLetter())
