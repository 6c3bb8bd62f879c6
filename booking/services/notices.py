"""Delivering the messages of an appointment: re-read the truth, hand over once, draw the consequence.

Each kind of outbox entry has one Notice. It decides inside the tenant's unit from the rows as they are
now, hands over outside any transaction with the entry's ref as key, and settles in the transaction
that records the one terminal state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from booking import erasure, kinds, messages, sms
from booking.erasure import Calendar, Moment
from booking.messages import Channel, Kind, Recipient, Visit
from booking.models import (
    Appointment,
    Location,
    MessageText,
    PatientContact,
    Practice,
    Replacement,
)
from booking.persons import Person
from booking.services import appointments, contacts, deadlines, links
from booking.services.calendar_entries import standing_of
from booking.services.message_texts import text_for
from tenants import routing
from tenants.mail import MailRefusedError, MailUnavailableError, hand_over
from tenants.outbox import delivery
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit

CANCELLED = "cancelled"
"""Rule of the receipt: the notices of a cancellation have gone (B-24)."""

REMINDER_TRIES = 3
"""A reminder that is refused is tried again: no other message follows it (B-24)."""
_MESSAGES = {
    kinds.CONFIRMATION: Kind.CONFIRMATION,
    kinds.REMINDER: Kind.REMINDER,
    kinds.MOVED: Kind.MOVED,
    kinds.CANCELLED_BY_PATIENT: Kind.CANCELLED_BY_PATIENT,
    kinds.CANCELLED_BY_PRACTITIONER: Kind.CANCELLED_BY_PRACTITIONER,
    kinds.CONTACT_CORRECTED: Kind.CONTACT_CORRECTED,
    kinds.MANAGE_LINKS: Kind.MANAGE_LINKS,
    kinds.SLOT_FREED: Kind.SLOT_FREED,
    kinds.LATE: Kind.LATE,
}
_STATUS_OF_CANCELLING = {
    kinds.CANCELLED_BY_PATIENT: Appointment.Status.CANCELLED_BY_PATIENT,
    kinds.CANCELLED_BY_PRACTITIONER: Appointment.Status.CANCELLED_BY_PRACTITIONER,
    kinds.SLOT_FREED: Appointment.Status.CANCELLED_BY_PATIENT,
}


def dropped(reason: str) -> Outcome:
    """An entry that has lost its sense."""
    return Outcome(OutboxEntry.State.DROPPED, reason)


@dataclass(frozen=True)
class Letter:
    """What one message needs once the transaction is over; it lives as long as its sending."""

    entry: OutboxEntry
    kind: Kind
    recipient: Recipient
    channel: Channel
    visit: dict[str, Any]
    manage_token: str
    short_token: str
    added: MessageText
    """What the practice says in its own words."""


def letter_to_nobody(
    entry: OutboxEntry, appointment: Appointment, *, now: datetime
) -> Letter | None:
    """Return the letter of a cancellation whose reader is yet to be found; None where SMS are off."""
    settings = deadlines.practice()
    if not settings.sms_enabled:
        return None
    kind = Kind.CANCELLED_BY_PRACTITIONER
    return Letter(
        entry=entry,
        kind=kind,
        recipient=Recipient(),
        channel=Channel.NONE,
        visit=_facts(entry, appointment, settings, now=now),
        manage_token=links.manage_token(appointment),
        short_token=links.short_token(appointment),
        added=text_for(kind),
    )


class Notice:
    """The handler of one kind of entry."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Re-read the appointment: what has moved, ended, been cancelled or erased is not sent."""
        appointment = _appointment(entry)
        if appointment is None:
            return dropped("gone")
        refusal = why_not(entry, appointment, now=now)
        if refusal:
            return dropped(refusal)
        settings = deadlines.practice()
        if self.kind in kinds.TO_PRACTITIONER:
            recipient = Recipient(email=_address_of_practitioner(appointment, settings))
        else:
            contact = contacts.contact_of(appointment)
            person = contacts.open_contact(contact) if contact else None
            if contact is None or person is None:
                return dropped("erased")
            if contact.erasure_asked_at is not None and self.kind in kinds.UNASKED:
                return dropped("person")
            recipient = _recipient(entry, person)
        return self._letter(entry, appointment, recipient, settings, unit=unit, now=now)

    def _letter(
        self,
        entry: OutboxEntry,
        appointment: Appointment,
        recipient: Recipient,
        settings: Practice,
        *,
        unit: Unit,
        now: datetime,
    ) -> Outcome | Callable[[], Outcome]:
        channel = messages.choose_channel(recipient, sms_enabled=settings.sms_enabled)
        if channel is Channel.NONE:
            return Outcome(OutboxEntry.State.NO_CHANNEL)
        letter = Letter(
            entry=entry,
            kind=_MESSAGES[self.kind],
            recipient=recipient,
            channel=channel,
            visit=_facts(entry, appointment, settings, now=now),
            manage_token=links.manage_token(appointment),
            short_token=links.short_token(appointment),
            added=text_for(_MESSAGES[self.kind]),
        )
        return partial(send, letter, unit=unit, now=now)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Apply the table of erasure to what is left of the person (design section 5)."""
        appointment = _appointment(entry)
        contact = contacts.contact_of(appointment) if appointment else None
        if appointment is None or contact is None:
            return
        if self.kind == kinds.CONTACT_CORRECTED and not _is_pending(entry, [self.kind]):
            contacts.forget_previous_email(contact=contact)
        if appointment.is_cancelled:
            if not _is_pending(entry, kinds.HOLDS_ADDRESS):
                contacts.erase(contact=contact, rule=CANCELLED, now=now)
            return
        if self.kind in kinds.BEFORE_THE_VISIT:
            # The last word before the visit has gone: where the calendar knows the person, we need not.
            deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
            contacts.erase_if_due(appointment=appointment, now=now)


def why_not(entry: OutboxEntry, appointment: Appointment, *, now: datetime) -> str:
    """Return why an entry must not be sent any more, or nothing.

    That an address was taken away is told to it whatever becomes of the appointment: it may not have been
    its owner who did both.
    """
    if entry.kind == kinds.CONTACT_CORRECTED:
        return ""
    if entry.kind in _STATUS_OF_CANCELLING:
        is_so = appointment.status == _STATUS_OF_CANCELLING[entry.kind]
        return "" if is_so and entry.version == appointment.sequence else "moved"
    if appointment.is_cancelled:
        return "cancelled"
    if _is_outdated(entry, appointment):
        return "moved"
    if appointment.starts_at <= now:
        return "late"
    return _why_no_reminder(entry, appointment, now=now) if entry.kind == kinds.REMINDER else ""


def _is_outdated(entry: OutboxEntry, appointment: Appointment) -> bool:
    if entry.kind == kinds.LATE:
        return entry.version != appointment.late_min
    return entry.kind in kinds.BEFORE_THE_VISIT and entry.version != appointment.sequence


def _why_no_reminder(entry: OutboxEntry, appointment: Appointment, *, now: datetime) -> str:
    if not appointment.has_reminder:
        return "stopped"
    if entry.expires_at is not None and now > entry.expires_at:
        return "late"
    local = now.astimezone(ZoneInfo(appointment.location.time_zone))
    minute = local.hour * 60 + local.minute
    return "" if erasure.QUIET_UNTIL <= minute < erasure.QUIET_FROM else "quiet_hours"


def send(letter: Letter, *, unit: Unit, now: datetime) -> Outcome:
    """Hand one letter over, outside any unit; raises TryAgain when the outside does not answer."""
    visit = _visit(letter, base_url=routing.base_url(unit))
    try:
        if letter.channel is Channel.SMS:
            return _send_sms(letter, visit)
        return _send_mail(letter, visit, now=now)
    except (MailUnavailableError, sms.SmsUnavailableError) as error:
        raise TryAgain(str(error)) from None
    except MailRefusedError as error:
        if letter.kind is Kind.REMINDER and letter.entry.attempts < REMINDER_TRIES:
            raise TryAgain(str(error)) from None
        return Outcome(OutboxEntry.State.FAILED, str(error))
    except sms.SmsRefusedError as error:
        return Outcome(OutboxEntry.State.FAILED, str(error))


def _send_mail(letter: Letter, visit: Visit, *, now: datetime) -> Outcome:
    mail = messages.render_mail(
        letter.kind,
        visit=visit,
        recipient=letter.recipient,
        key=letter.entry.ref,
        now=now,
        is_retry=letter.entry.attempts > 1,
        visits=[visit],
        added=letter.added.text,
    )
    hand_over(mail)
    return SENT


def _send_sms(letter: Letter, visit: Visit) -> Outcome:
    gateway = sms.gateway()
    if gateway is None:
        return Outcome(OutboxEntry.State.NO_CHANNEL)
    try:
        text = messages.render_sms(
            letter.kind,
            visit=visit,
            added=letter.added.sms_text,
            first_name=letter.recipient.first_name,
        )
    except ValueError:
        return Outcome(OutboxEntry.State.FAILED, "too_long")
    gateway.send(
        number=letter.recipient.phone,
        text=text,
        key=letter.entry.ref,
        is_retry=letter.entry.attempts > 1,
    )
    return SENT


def _visit(letter: Letter, *, base_url: str) -> Visit:
    def address(name: str, token: str) -> str:
        return base_url + reverse(f"booking:{name}", args=[token], urlconf="config.urls_tenant")

    return Visit(
        base_url=base_url,
        manage_url=address("manage", letter.manage_token),
        short_url=address("short", letter.short_token),
        **letter.visit,
    )


def _facts(
    entry: OutboxEntry, appointment: Appointment, settings: Practice, *, now: datetime
) -> dict[str, Any]:
    """What a Visit says, addresses apart: they need the router's role."""
    location = appointment.location
    zone = ZoneInfo(location.time_zone)
    until = appointments.change_until(appointment)
    return {
        "ref": appointment.ref,
        "sequence": appointment.sequence,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "zone": zone,
        "practitioner": appointment.practitioner.name,
        "substitute": substitute_of(appointment),
        "place": place_lines(location),
        "town": settings.town,
        "practice_phone": settings.phone,
        "practice_email": settings.email,
        "spoken_ref": appointment.spoken_ref,
        "limit_at": _limit(appointment, settings),
        "reminder_at": _coming_reminder(appointment, now=now),
        "late_min": appointment.late_min,
        "moment": _moment(entry, appointment),
        "changes_until": None if until == appointment.starts_at else until,
        "previous_starts_at": _previous_start(entry),
    }


def place_lines(location: Location) -> tuple[str, ...]:
    """Where to go, line by line; for a visit or a video, the name of that place."""
    if location.kind != Location.Kind.OFFICE:
        return (location.name,)
    town = f"{location.postcode} {location.town}".strip()
    return tuple(line for line in (location.street, town) if line)


def _appointment(entry: OutboxEntry) -> Appointment | None:
    return (
        Appointment.objects.select_related(
            "practitioner", "practitioner__user", "location", "appointment_type"
        )
        .filter(pk=entry.object_id or 0)
        .first()
    )


def _recipient(entry: OutboxEntry, person: Person) -> Recipient:
    if entry.kind == kinds.CONTACT_CORRECTED:
        place = int(entry.audience.partition(".")[0])
        return Recipient(email="".join(person.previous_emails[place : place + 1]))
    return Recipient(
        first_name=person.first_name,
        email=person.email,
        phone=person.phone,
        relative=person.relative,
    )


def _address_of_practitioner(appointment: Appointment, settings: Practice) -> str:
    user = appointment.practitioner.user
    return (user.email if user else "") or settings.email


def substitute_of(appointment: Appointment) -> str:
    """Return the name of who replaces the practitioner that day, or nothing (B-15)."""
    on = appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone)).date()
    names = Replacement.objects.filter(
        practitioner=appointment.practitioner, from_on__lte=on, to_on__gte=on
    ).values_list("substitute_name", flat=True)
    return names.first() or ""


def _limit(appointment: Appointment, settings: Practice) -> datetime | None:
    """Return the limit that the person was told: it outlives a shorter setting of the practice."""
    if appointment.booked_at is None:
        return None
    told = PatientContact.objects.filter(appointment=appointment).values_list(
        "retention_days", flat=True
    )
    return erasure.erasure_limit(
        booked_at=appointment.booked_at, retention_days=told.first() or settings.retention_days
    )


def _coming_reminder(appointment: Appointment, *, now: datetime) -> datetime | None:
    due = OutboxEntry.objects.filter(
        kind=kinds.REMINDER,
        object_id=appointment.pk,
        version=appointment.sequence,
        state=OutboxEntry.State.PENDING,
        due_at__gt=now,
    )
    return due.values_list("due_at", flat=True).first()


def _moment(entry: OutboxEntry, appointment: Appointment) -> Moment:
    """Return when the person goes from here, in the words of the notice (T-1, T-2).

    After the reminder where the calendar then says how to reach them; the reminder itself says so only
    when the event is written, before it is foreseen.
    """
    contact = PatientContact.objects.filter(appointment=appointment)
    standing = standing_of(appointment)
    has_phone = contact.filter(phone_index__isnull=False).exists()
    moment = deadlines.moment_of(standing=standing, has_phone=has_phone)
    is_foreseen = standing.calendar is not Calendar.CONFIRMED
    if moment is Moment.AFTER_REMINDER and entry.kind == kinds.REMINDER and is_foreseen:
        return Moment.WITHIN_A_DAY
    return moment


def _previous_start(entry: OutboxEntry) -> datetime | None:
    if entry.kind != kinds.MOVED or not entry.audience.partition("#")[0]:
        return None
    # What stands after # counts how often it was sent again (letters.resend).
    return datetime.fromisoformat(entry.audience.partition("#")[0])


def _is_pending(entry: OutboxEntry, kinds_: Any) -> bool:
    return OutboxEntry.objects.filter(
        object_id=entry.object_id, kind__in=kinds_, state=OutboxEntry.State.PENDING
    ).exists()


def register() -> None:
    """Make the notices responsible for their kinds; called once, when the apps are ready."""
    for kind in _MESSAGES:
        delivery.register(kind, Notice(kind))
