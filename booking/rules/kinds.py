"""The kinds of outbox entries of this app, their payloads, and the groups of kinds that queries use.

A group is an explicit tuple: the spelling of a kind says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tenants.outbox.kinds import (
    ALERT,
    FROM_A_COLLEAGUE,
    LAST_WORD,
    NO_MESSAGE,
    OFFERED,
    ON_REQUEST,
    ONCE_A_DAY,
    ONCE_CANCELLED,
    ONE_PER_BOOKING,
    PLATFORM,
    TO_THE_PRACTICE,
    OutboxKind,
)
from tenants.outbox.payloads import NoPayload

# --- Payloads -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AppointmentVersion:
    """The state of an appointment for which something was decided: its SEQUENCE of iCalendar."""

    sequence: int


@dataclass(frozen=True)
class MovedAppointment(AppointmentVersion):
    """The move that made this version."""

    previous_starts_at: datetime


@dataclass(frozen=True)
class LateArrival:
    """By how many minutes a person says that they will be late."""

    minutes: int


@dataclass(frozen=True)
class ReplacedAddress:
    """Which of the sealed previous e-mail addresses is notified: its position in their list."""

    position: int


@dataclass(frozen=True)
class DigestDay:
    """The day that a digest is about, in the practice's zone."""

    on: date


@dataclass(frozen=True)
class ReceivedVisits:
    """Which visits a colleague moved to an agenda: one of them, the first to come, and their number."""

    appointment_id: int
    count: int


@dataclass(frozen=True)
class EventPush:
    """The version of an event that is to stand in the calendar of an account."""

    account_id: int
    version: int


@dataclass(frozen=True)
class AccountCount:
    """How many Google accounts are in trouble."""

    count: int


# --- Kinds --------------------------------------------------------------------------------------------

APPOINTMENT = "appointment"
OFFERED_SLOT = "offer"
WAITER = "waiting_entry"
MEMBER = "user"
AGENDA = "practitioner"
GOOGLE_ACCOUNT = "google_account"

CONFIRMATION = OutboxKind("booking.confirmation", APPOINTMENT, AppointmentVersion, ON_REQUEST)
REMINDER = OutboxKind("booking.reminder", APPOINTMENT, AppointmentVersion, ONE_PER_BOOKING)
MOVED = OutboxKind("booking.moved", APPOINTMENT, MovedAppointment, ON_REQUEST)
CANCELLED_BY_PATIENT = OutboxKind(
    "booking.cancelled_by_patient", APPOINTMENT, AppointmentVersion, LAST_WORD
)
CANCELLED_BY_PRACTITIONER = OutboxKind(
    "booking.cancelled_by_pract", APPOINTMENT, AppointmentVersion, LAST_WORD
)
CONTACT_CORRECTED = OutboxKind(
    "booking.contact_corrected", APPOINTMENT, ReplacedAddress, ON_REQUEST
)
SLOT_FREED = OutboxKind("booking.slot_freed", APPOINTMENT, AppointmentVersion, TO_THE_PRACTICE)
MANAGE_LINKS = OutboxKind("booking.manage_links", APPOINTMENT, NoPayload, ON_REQUEST)
LATE = OutboxKind("booking.late", APPOINTMENT, LateArrival, TO_THE_PRACTICE)
"""The person has said that they will be late: a message to the practitioner."""

RECEIVED = OutboxKind("booking.received", AGENDA, ReceivedVisits, FROM_A_COLLEAGUE)
"""A colleague has moved visits to the agenda of a practitioner: a message to that practitioner."""

OFFER = OutboxKind("waiting.offer", OFFERED_SLOT, NoPayload, OFFERED)
OFFER_EXPIRY = OutboxKind("waiting.offer_expiry", OFFERED_SLOT, NoPayload, NO_MESSAGE)
WAITING_JOINED = OutboxKind("waiting.joined", WAITER, NoPayload, ON_REQUEST)

OPENING = OutboxKind("practice.opening", "practice", NoPayload, NO_MESSAGE)
"""The practice asks to be put online; the checks of G-10 decide."""

IDENTITY_STATED = OutboxKind("practice.identity_stated", "practice", NoPayload, NO_MESSAGE)
"""The practice has stated its legal identity; lib-rdv's staff decide what of it enters the contract (G-04)."""
DIGEST = OutboxKind("practice.digest", MEMBER, DigestDay, ONCE_A_DAY)
"""The day of a practice, to one of its members."""

CALENDAR_PUSH = OutboxKind("calendar.push", APPOINTMENT, EventPush, NO_MESSAGE)
"""An appointment to be written into the calendar of an account."""
CALENDAR_CLEANUP = OutboxKind("calendar.cleanup", APPOINTMENT, AppointmentVersion, NO_MESSAGE)
"""The visit is over: its event is anonymised or deleted before the person is erased here."""
CALENDAR_NOTIFY = OutboxKind("calendar.notify", APPOINTMENT, AppointmentVersion, ONCE_CANCELLED)
"""Cancelled by the practice when only the calendar still knew the person to notify."""
CALENDAR_CONFLICT = OutboxKind("calendar.conflict", APPOINTMENT, AppointmentVersion, ALERT)
"""One e-mail to a practitioner whose own calendar has something at the time of an appointment."""
CALENDAR_ADOPT = OutboxKind("calendar.adopt", "calendar_entry", NoPayload, NO_MESSAGE)
"""The time that Google shows is to become the appointment's."""
CALENDAR_CONNECT = OutboxKind("calendar.connect", "authorization", NoPayload, NO_MESSAGE)
"""A code to be exchanged."""
CALENDAR_DISCONNECT = OutboxKind("calendar.disconnect", GOOGLE_ACCOUNT, NoPayload, NO_MESSAGE)
"""A link to be ended."""
CALENDAR_LOST = OutboxKind("calendar.lost", GOOGLE_ACCOUNT, NoPayload, ALERT)
"""One e-mail to a practitioner whose link must be made again."""
CALENDAR_FAILING = OutboxKind("calendar.failing", GOOGLE_ACCOUNT, NoPayload, ONCE_A_DAY)
"""One e-mail a day to a practitioner in whose calendar something is refused or has waited for an hour."""
CALENDAR_STUCK = OutboxKind("calendar.stuck", PLATFORM, AccountCount, ALERT)
"""One e-mail to lib-rdv's staff about accounts that wait."""

# --- Groups -------------------------------------------------------------------------------------------

TO_PATIENT = (
    CONFIRMATION,
    REMINDER,
    MOVED,
    CANCELLED_BY_PATIENT,
    CANCELLED_BY_PRACTITIONER,
    MANAGE_LINKS,
)
"""Messages to the person; they stop when the person is erased."""

HOLDS_ADDRESS = (*TO_PATIENT, CONTACT_CORRECTED)
"""Messages that need an address of the person until they are sent."""

UNASKED = tuple(kind for kind in TO_PATIENT if kind != MANAGE_LINKS)
"""Messages that the person did not just request; none is sent once the person has asked to be erased."""

BEFORE_THE_VISIT = (CONFIRMATION, REMINDER, MOVED)
"""Messages that are pointless once the appointment is cancelled."""

TO_PRACTITIONER = (SLOT_FREED, LATE)
"""Messages to the practitioner of an appointment, without the name of its person."""

APPOINTMENT_MESSAGES = (*TO_PATIENT, CONTACT_CORRECTED, *TO_PRACTITIONER)
"""Every message about an appointment."""

OF_AN_OFFER = (OFFER,)
"""Entries that are pointless once an offer of the waiting list has ended."""
OF_AN_ENTRY = (WAITING_JOINED,)
"""Messages to a person on the waiting list."""
LEDGER_MESSAGES = (*APPOINTMENT_MESSAGES, *OF_AN_ENTRY, *OF_AN_OFFER)
"""What the ledger of messages shows."""

OF_AN_APPOINTMENT = (
    *APPOINTMENT_MESSAGES,
    CALENDAR_PUSH,
    CALENDAR_CLEANUP,
    CALENDAR_NOTIFY,
    CALENDAR_CONFLICT,
)
"""Every entry about an appointment: it is deleted with the row of the appointment."""

_BY_NAME = {str(kind): kind for kind in OF_AN_APPOINTMENT}


def sequence_of(kind: str, stored: Mapping[str, Any]) -> int | None:
    """Return the version of the appointment for which an entry was written; None when it says none.

    ``stored`` is the payload as its column holds it. Raises PayloadError.
    """
    known = _BY_NAME.get(kind)
    payload = known.read(stored) if known is not None else None
    return payload.sequence if isinstance(payload, AppointmentVersion) else None
