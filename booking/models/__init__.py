"""The models of one practice; each table is in the schema of the tenant."""

from booking.models.absence import Absence
from booking.models.agenda_choice import AgendaChoice
from booking.models.appointment import Appointment
from booking.models.appointment_type import AppointmentType
from booking.models.contact import PatientContact
from booking.models.daily_count import DailyCount, DailyOpening
from booking.models.digest import DigestSubscription
from booking.models.feed import Feed
from booking.models.form import ExtraField, FormVersion
from booking.models.google import (
    Authorization,
    BusyInterval,
    CalendarEntry,
    CalendarTask,
    Channel,
    GoogleAccount,
)
from booking.models.holiday import HolidayOpening
from booking.models.last_visit import LastVisit
from booking.models.location import Location
from booking.models.message_text import MessageText
from booking.models.opening import OpeningException, OpeningHours
from booking.models.practice import Practice
from booking.models.practitioner import Practitioner
from booking.models.replacement import Replacement
from booking.models.sms_month import SmsMonth
from booking.models.waiting import Offer, WaitingEntry

__all__ = [
    "Absence",
    "AgendaChoice",
    "Appointment",
    "AppointmentType",
    "Authorization",
    "BusyInterval",
    "CalendarEntry",
    "CalendarTask",
    "Channel",
    "DailyCount",
    "DailyOpening",
    "DigestSubscription",
    "ExtraField",
    "Feed",
    "FormVersion",
    "GoogleAccount",
    "HolidayOpening",
    "LastVisit",
    "Location",
    "MessageText",
    "Offer",
    "OpeningException",
    "OpeningHours",
    "PatientContact",
    "Practice",
    "Practitioner",
    "Replacement",
    "SmsMonth",
    "WaitingEntry",
]
