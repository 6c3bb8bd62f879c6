"""Delivery of the messages of an appointment: read the rows again, send once, apply the rule of erasure.

The handler reads the current rows inside the tenant's unit, sends outside any transaction with the ref of the
entry as idempotency key, and completes in the transaction that records the terminal state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking.appointments.change_limits import change_until
from booking.calendar_sync.calendar_entries import sync_state_of
from booking.erasure import deadlines
from booking.formats import sms
from booking.formats.names import greeting
from booking.messages import appointment_messages
from booking.messages.appointment_messages import (
    MessageChannel,
    MessageKind,
    MessageVisit,
    Recipient,
)
from booking.models import (
    Appointment,
    Location,
    MessageText,
    PatientContact,
    Practice,
)
from booking.notifications import sms_budget
from booking.notifications.message_texts import text_for
from booking.patients import contacts, links
from booking.rules import erasure, kinds
from booking.rules.erasure import Calendar, Moment, is_quiet
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice, substitute_of
from tenants import routing
from tenants.email_transport import (
    MailRefusedError,
    MailUnavailableError,
    submit,
)
from tenants.outbox import delivery
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import Unit
from tenants.typed_text import greeted
from tenants.website import queries as website

_Payload = kinds.AppointmentVersion | kinds.LateArrival | kinds.ReplacedAddress | NoPayload

CANCELLED = "cancelled"
"""Rule of the receipt: the messages of a cancellation have left (B-24)."""

BY_SMS = "by_sms"
"""Reason of a sent message whose mail was refused for good: it left by SMS."""
AFTER_BOUNCE = "after_bounce"
"""``repeat`` of a message that is written again because its mail came back: it leaves by SMS."""
REMINDER_TRIES = 3
"""A reminder that is refused is tried again: no other message follows it (B-24)."""
_MESSAGES: dict[OutboxKind[Any], MessageKind] = {
    kinds.CONFIRMATION: MessageKind.CONFIRMATION,
    kinds.REMINDER: MessageKind.REMINDER,
    kinds.MOVED: MessageKind.MOVED,
    kinds.CANCELLED_BY_PATIENT: MessageKind.CANCELLED_BY_PATIENT,
    kinds.CANCELLED_BY_PRACTITIONER: MessageKind.CANCELLED_BY_PRACTITIONER,
    kinds.CONTACT_CORRECTED: MessageKind.CONTACT_CORRECTED,
    kinds.MANAGE_LINKS: MessageKind.MANAGE_LINKS,
    kinds.SLOT_FREED: MessageKind.SLOT_FREED,
    kinds.LATE: MessageKind.LATE,
}
_STATUS_OF_CANCELLING: dict[str, Appointment.Status] = {
    kinds.CANCELLED_BY_PATIENT: Appointment.Status.CANCELLED_BY_PATIENT,
    kinds.CANCELLED_BY_PRACTITIONER: Appointment.Status.CANCELLED_BY_PRACTITIONER,
    kinds.SLOT_FREED: Appointment.Status.CANCELLED_BY_PATIENT,
}


@dataclass(frozen=True)
class OutgoingMessage:
    """The data of one message for its sending outside the transaction; ``added`` is the text of the practice.

    ``can_fall_back``: a mobile of the person is known and the practice sends SMS, should the mail be refused.
    """

    entry: OutboxEntry
    kind: MessageKind
    recipient: Recipient
    channel: MessageChannel
    visit: dict[str, Any]
    manage_token: str
    short_token: str
    added: MessageText
    can_fall_back: bool = False


def message_without_recipient(
    entry: OutboxEntry, appointment: Appointment, *, now: datetime
) -> OutgoingMessage | None:
    """Return the message of a cancellation whose recipient is not known yet; None where SMS are off."""
    settings = current_practice()
    if not settings.sms_enabled:
        return None
    kind = (
        MessageKind.CANCELLED_BY_PATIENT
        if appointment.status == Appointment.Status.CANCELLED_BY_PATIENT
        else MessageKind.CANCELLED_BY_PRACTITIONER
    )
    return OutgoingMessage(
        entry=entry,
        kind=kind,
        recipient=Recipient(),
        channel=MessageChannel.NONE,
        visit=_facts(entry, appointment, settings, now=now),
        manage_token=links.manage_token(appointment),
        short_token=links.short_token(appointment),
        added=text_for(kind),
    )


class AppointmentMessageHandler(Handler[_Payload]):
    """Sends the messages of one kind about an appointment."""

    def __init__(self, kind: OutboxKind[Any]) -> None:
        self.kind = kind

    def prepare(
        self, entry: OutboxEntry, payload: _Payload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Read the appointment again; send nothing when it is moved, past, cancelled or erased."""
        appointment = _appointment(entry)
        if appointment is None:
            return not_sent("gone")
        refusal = why_not(entry, appointment, now=now)
        if refusal:
            return not_sent(refusal)
        settings = current_practice()
        if self.kind in kinds.TO_PRACTITIONER:
            recipient = Recipient(email=_address_of_practitioner(appointment, settings))
        else:
            contact = contacts.contact_of(appointment)
            person = contacts.open_contact(contact) if contact else None
            if contact is None or person is None:
                return not_sent("erased")
            if contact.erasure_requested_at is not None and self.kind in kinds.UNASKED:
                return not_sent("person")
            recipient = _recipient(payload, person)
            if entry.dedup_key.endswith(f"#{AFTER_BOUNCE}"):
                recipient = replace(recipient, email="")
        return self._delivery(entry, appointment, recipient, settings, unit=unit, now=now)

    def _delivery(
        self,
        entry: OutboxEntry,
        appointment: Appointment,
        recipient: Recipient,
        settings: Practice,
        *,
        unit: Unit,
        now: datetime,
    ) -> Outcome | DeliveryCall:
        channel = appointment_messages.choose_channel(recipient, sms_enabled=settings.sms_enabled)
        if channel is MessageChannel.NONE:
            return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
        message = OutgoingMessage(
            entry=entry,
            kind=_MESSAGES[self.kind],
            recipient=recipient,
            channel=channel,
            visit=_facts(entry, appointment, settings, now=now),
            manage_token=links.manage_token(appointment),
            short_token=links.short_token(appointment),
            added=text_for(_MESSAGES[self.kind]),
            can_fall_back=can_fall_back(recipient, sms_enabled=settings.sms_enabled),
        )
        return partial(send, message, unit=unit, now=now)

    def complete(
        self, entry: OutboxEntry, payload: _Payload, outcome: Outcome, *, unit: Unit, now: datetime
    ) -> None:
        """Erase the person, or compute the date of erasure again, after the message (design section 5)."""
        appointment = _appointment(entry)
        contact = contacts.contact_of(appointment) if appointment else None
        if appointment is None or contact is None:
            return
        if self.kind == kinds.CONTACT_CORRECTED and not _is_pending(entry, [self.kind]):
            contacts.erase_previous_email(contact=contact)
        if appointment.is_cancelled:
            if not _is_pending(entry, kinds.HOLDS_ADDRESS):
                contacts.erase(contact=contact, rule=CANCELLED, now=now)
            return
        if self.kind in kinds.BEFORE_THE_VISIT:
            # After the last message before the visit, the calendar may make the contact needless.
            deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
            contacts.erase_if_due(appointment=appointment, now=now)


def why_not(entry: OutboxEntry, appointment: Appointment, *, now: datetime) -> str:
    """Return the reason for which an entry must not be sent any more, or "".

    A replaced address is always notified: its owner may have asked for neither the correction nor the change.
    """
    if entry.kind == kinds.CONTACT_CORRECTED:
        return ""
    if entry.kind in _STATUS_OF_CANCELLING:
        is_so = appointment.status == _STATUS_OF_CANCELLING[entry.kind]
        is_same = kinds.sequence_of(entry.kind, entry.payload) == appointment.sequence
        return "" if is_so and is_same else "moved"
    if appointment.is_cancelled:
        return "cancelled"
    if _is_outdated(entry, appointment):
        return "moved"
    if appointment.starts_at <= now:
        return "late"
    return _why_no_reminder(entry, appointment, now=now) if entry.kind == kinds.REMINDER else ""


def _is_outdated(entry: OutboxEntry, appointment: Appointment) -> bool:
    if entry.kind == kinds.LATE:
        return kinds.LATE.read(entry.payload).minutes != appointment.late_min
    sequence = kinds.sequence_of(entry.kind, entry.payload)
    return entry.kind in kinds.BEFORE_THE_VISIT and sequence != appointment.sequence


def _why_no_reminder(entry: OutboxEntry, appointment: Appointment, *, now: datetime) -> str:
    if not appointment.has_reminder:
        return "stopped"
    if entry.expires_at is not None and now > entry.expires_at:
        return "late"
    zone = ZoneInfo(appointment.location.time_zone)
    return "quiet_hours" if is_quiet(now, zone=zone) else ""


def send(message: OutgoingMessage, *, unit: Unit, now: datetime) -> Outcome:
    """Send one message, outside any unit. Raises TryAgain when the relay or gateway does not answer."""
    visit = _visit(message, base_url=routing.base_url(unit))
    if message.channel is MessageChannel.SMS:
        return _by_sms(message, visit, unit=unit, now=now)
    try:
        return _send_mail(message, visit, now=now)
    except MailUnavailableError as error:
        raise TryAgain(str(error)) from None
    except MailRefusedError as error:
        refused = Outcome(OutboxEntry.EntryState.FAILED, str(error))
    if message.can_fall_back:
        return instead_of_mail(_by_sms(message, visit, unit=unit, now=now), refused)
    if message.kind is MessageKind.REMINDER and message.entry.attempts < REMINDER_TRIES:
        raise TryAgain(refused.reason)
    return refused


def can_fall_back(recipient: Recipient, *, sms_enabled: bool) -> bool:
    """Return whether a message whose mail is refused can leave by SMS."""
    only_phone = replace(recipient, email="")
    channel = appointment_messages.choose_channel(only_phone, sms_enabled=sms_enabled)
    return channel is MessageChannel.SMS


def instead_of_mail(by_sms: Outcome, refused: Outcome) -> Outcome:
    """Return the outcome of a message whose mail was refused and that was tried by SMS."""
    return Outcome(OutboxEntry.EntryState.SENT, BY_SMS) if by_sms == SENT else refused


def _by_sms(message: OutgoingMessage, visit: MessageVisit, *, unit: Unit, now: datetime) -> Outcome:
    if not sms_budget.spend(unit=unit, entry=message.entry, now=now):
        return Outcome(OutboxEntry.EntryState.NO_CHANNEL, sms_budget.SPENT)
    try:
        return _send_sms(message, visit)
    except sms.SmsUnavailableError as error:
        raise TryAgain(str(error)) from None
    except sms.SmsRefusedError:
        return Outcome(OutboxEntry.EntryState.FAILED, "sms_refused")


def _send_mail(message: OutgoingMessage, visit: MessageVisit, *, now: datetime) -> Outcome:
    mail = appointment_messages.render_mail(
        message.kind,
        visit=visit,
        recipient=message.recipient,
        key=message.entry.ref,
        now=now,
        is_retry=message.entry.attempts > 1,
        visits=[visit],
        added=message.added.text,
    )
    submit(mail)
    return SENT


def _send_sms(message: OutgoingMessage, visit: MessageVisit) -> Outcome:
    gateway = sms.gateway()
    if gateway is None:
        return Outcome(OutboxEntry.EntryState.NO_CHANNEL)
    try:
        text = appointment_messages.render_sms(
            message.kind,
            visit=visit,
            added=message.added.sms_text,
            first_name=message.recipient.first_name,
        )
    except ValueError:
        return Outcome(OutboxEntry.EntryState.FAILED, "too_long")
    gateway.send(
        number=message.recipient.phone,
        text=text,
        key=message.entry.ref,
        is_retry=message.entry.attempts > 1,
    )
    return SENT


def _visit(message: OutgoingMessage, *, base_url: str) -> MessageVisit:
    def address(name: str, token: str) -> str:
        return base_url + reverse(f"booking:{name}", args=[token], urlconf="config.urls_tenant")

    return MessageVisit(
        base_url=base_url,
        manage_url=address("manage", message.manage_token),
        short_url=address("short", message.short_token),
        **message.visit,
    )


def _facts(
    entry: OutboxEntry, appointment: Appointment, settings: Practice, *, now: datetime
) -> dict[str, Any]:
    """Return the fields of a MessageVisit except its addresses, which need the database role of the router."""
    location = appointment.location
    zone = ZoneInfo(location.time_zone)
    until = change_until(appointment)
    published = website.published()
    return {
        "ref": appointment.ref,
        "sequence": appointment.sequence,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "zone": zone,
        "practitioner": appointment.practitioner.name,
        "substitute": substitute_of(appointment),
        **practical_facts(appointment),
        "town": settings.town,
        "practice_phone": settings.phone,
        "practice_email": settings.email,
        "spoken_ref": appointment.spoken_ref,
        "limit_at": _limit(appointment, settings),
        "reminder_at": _coming_reminder(appointment, now=now),
        "late_min": appointment.late_min,
        "moment": _moment(entry, appointment),
        "changes_until": None if until == appointment.starts_at else until,
        "can_change": now < until,
        "colour": published.colour if published else "",
        "previous_starts_at": _previous_start(entry),
    }


def practical_facts(appointment: Appointment) -> dict[str, Any]:
    """Return the fields of a MessageVisit about the place and what to bring; the practice's own texts."""
    location = appointment.location
    return {
        "place": place_lines(location),
        "access_text": location.access_text,
        "instructions": appointment.appointment_type.instructions,
        "video_url": location.video_url,
    }


def place_lines(location: Location) -> tuple[str, ...]:
    """Return the lines of the postal address of an office; for a home visit or a video, the name of the place."""
    if location.kind != Location.LocationKind.OFFICE:
        return (location.name,)
    town = f"{location.postcode} {location.town}".strip()
    return tuple(line for line in (location.street, town) if line)


def _appointment(entry: OutboxEntry) -> Appointment | None:
    return (
        Appointment.objects.select_related(
            "practitioner", "practitioner__user", "location", "appointment_type"
        )
        .filter(pk=entry.subject_id)
        .first()
    )


def _recipient(payload: _Payload, person: Person) -> Recipient:
    if isinstance(payload, kinds.ReplacedAddress):
        position = payload.position
        return Recipient(email="".join(person.previous_emails[position : position + 1]))
    return Recipient(
        first_name=greeting(person.first_name, person.last_name),
        email=person.email,
        phone=person.phone,
        relative=greeted(person.relative),
    )


def _address_of_practitioner(appointment: Appointment, settings: Practice) -> str:
    user = appointment.practitioner.user
    return (user.email if user else "") or settings.email


def _limit(appointment: Appointment, settings: Practice) -> datetime | None:
    """Return the limit announced to the person: it outlives a shorter setting of the practice."""
    if appointment.booked_at is None:
        return None
    announced = PatientContact.objects.filter(appointment=appointment).values_list(
        "retention_days", flat=True
    )
    return erasure.erasure_limit(
        booked_at=appointment.booked_at, retention_days=announced.first() or settings.retention_days
    )


def _coming_reminder(appointment: Appointment, *, now: datetime) -> datetime | None:
    due = OutboxEntry.objects.filter(
        kind=kinds.REMINDER,
        subject_id=appointment.pk,
        payload__sequence=appointment.sequence,
        state=OutboxEntry.EntryState.PENDING,
        due_at__gt=now,
    )
    return due.values_list("due_at", flat=True).first()


def _moment(entry: OutboxEntry, appointment: Appointment) -> Moment:
    """Return the moment of the erasure that the message announces (T-1, T-2).

    That is after the reminder when the calendar then contains the person's contact details. The reminder itself
    announces it only when the event is written.
    """
    contact = PatientContact.objects.filter(appointment=appointment)
    sync_state = sync_state_of(appointment)
    has_phone = contact.filter(phone_index__isnull=False).exists()
    moment = deadlines.moment_of(
        sync_state=sync_state, has_phone=has_phone, is_home_visit=appointment.location.is_home
    )
    is_foreseen = sync_state.calendar is not Calendar.CONFIRMED
    if moment is Moment.AFTER_REMINDER and entry.kind == kinds.REMINDER and is_foreseen:
        return Moment.WITHIN_A_DAY
    return moment


def _previous_start(entry: OutboxEntry) -> datetime | None:
    if entry.kind != kinds.MOVED:
        return None
    return kinds.MOVED.read(entry.payload).previous_starts_at


def _is_pending(entry: OutboxEntry, of_kinds: Sequence[OutboxKind[Any]]) -> bool:
    return OutboxEntry.objects.filter(
        subject_id=entry.subject_id, kind__in=of_kinds, state=OutboxEntry.EntryState.PENDING
    ).exists()


def register() -> None:
    """Register the handler of each kind; called once, when the apps are ready."""
    for kind in _MESSAGES:
        delivery.register(kind, AppointmentMessageHandler(kind))
