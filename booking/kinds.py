"""The kinds of outbox entries of this app; ``object_id`` is the appointment's key."""

CONFIRMATION = "booking.confirmation"
REMINDER = "booking.reminder"
MOVED = "booking.moved"
CANCELLED_BY_PATIENT = "booking.cancelled_by_patient"
CANCELLED_BY_PRACTITIONER = "booking.cancelled_by_pract"
CONTACT_CORRECTED = "booking.contact_corrected"
SLOT_FREED = "booking.slot_freed"
MANAGE_LINKS = "booking.manage_links"
LATE = "booking.late"
"""The person has said that they will be late: to the practitioner; ``version`` is by how many minutes."""

TO_PATIENT = (
    CONFIRMATION,
    REMINDER,
    MOVED,
    CANCELLED_BY_PATIENT,
    CANCELLED_BY_PRACTITIONER,
    MANAGE_LINKS,
)
"""What is written to the person, and stops when the person is erased."""

HOLDS_ADDRESS = (*TO_PATIENT, CONTACT_CORRECTED)
"""What needs an address of the person until it has gone."""

UNASKED = tuple(kind for kind in TO_PATIENT if kind != MANAGE_LINKS)
"""What is written to the person though they have not just asked for it: nothing of it once they said so."""

BEFORE_THE_VISIT = (CONFIRMATION, REMINDER, MOVED)
"""What loses its sense when the appointment is cancelled."""

TO_PRACTITIONER = (SLOT_FREED, LATE)
"""What is written to the practitioner of an appointment, without the name of its person."""

OFFER = "waiting.offer"
OFFER_EXPIRY = "waiting.offer_expiry"
WAITING_JOINED = "waiting.joined"

OF_AN_OFFER = (OFFER,)
"""What loses its sense when an offer of the waiting list has ended; ``object_id`` is the offer's key."""
OF_AN_ENTRY = (WAITING_JOINED,)
"""What is written to somebody who waits; ``object_id`` is the entry's key."""

DIGEST = "practice.digest"
"""The day of a practice, to one of its members: ``object_id`` is the user's key, ``version`` the day.

Its name sets it apart from the messages of appointments, whose keys it could meet.
"""

CALENDAR_PUSH = "calendar.push"
"""An appointment to be written into the calendar of an account: ``audience`` is the account's key."""
CALENDAR_CLEAN = "calendar.clean"
"""The visit is over: its event is anonymised or deleted before the person is erased here."""
CALENDAR_TELL = "calendar.tell"
"""Cancelled by the practice when only the calendar still knew whom to tell."""
CALENDAR_ADOPT = "calendar.adopt"
"""The time that Google shows is to become the appointment's: ``object_id`` is the calendar entry's key."""
CALENDAR_CONNECT = "calendar.connect"
"""A code to be exchanged: ``object_id`` is the attempt's key."""
CALENDAR_LEAVE = "calendar.leave"
"""A link to be ended: ``object_id`` is the account's key."""
CALENDAR_LOST = "calendar.lost"
"""One mail to a practitioner whose link must be made again: ``object_id`` is the account's key."""
CALENDAR_FAILING = "calendar.failing"
"""One mail a day to a practitioner in whose calendar something is refused or has waited for an hour:
``object_id`` is the account's key, ``audience`` the day."""
CALENDAR_CONFLICT = "calendar.conflict"
"""One mail to a practitioner whose own calendar has something at the time of an appointment."""
CALENDAR_STUCK = "calendar.stuck"
"""One mail to lib-rdv's staff: ``object_id`` is how many accounts wait."""

OF_AN_APPOINTMENT = (
    *TO_PATIENT,
    CONTACT_CORRECTED,
    *TO_PRACTITIONER,
    CALENDAR_PUSH,
    CALENDAR_CLEAN,
    CALENDAR_TELL,
    CALENDAR_CONFLICT,
)
"""What stands in the ledger for an appointment, and goes with its row; ``object_id`` is its key."""
