"""The privacy notice "vos données" (T-1, B-06): the use of the data of this appointment, with dates.

Every date is computed from the practice's real settings by the functions that erase.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from booking.calendar_sync.calendar_entries import NOT_THERE, sync_state_of
from booking.erasure import deadlines
from booking.erasure.deadlines import Foreseen
from booking.formats import french
from booking.models import Appointment, ExtraField
from booking.patients import external_calendar
from booking.patients.external_calendar import CalendarKind, ExternalCalendar
from booking.rules import erasure
from booking.rules.erasure import Moment
from booking.web.public.page import Site


@dataclass(frozen=True)
class Step:
    """One knot of the thread; ``erases`` marks the one where the data go."""

    when: str
    what: str
    erases: bool = False


@dataclass(frozen=True)
class Notice:
    """The context of the template of the privacy notice."""

    steps: list[Step]
    moment: str
    kept: str
    """The latest possible time of erasure, when no message is sent."""
    limit: str
    calendar_sentences: Sequence[str] = ()
    """One sentence for each external calendar that receives the appointment."""
    extra_labels: str = ""
    extra_purposes: str = ""


@dataclass(frozen=True)
class Known:
    """The known facts of a booked person: the latest date of erasure, and the channels of contact."""

    erase_at: datetime
    retention_days: int
    has_phone: bool
    is_reminded: bool


def for_appointment(
    appointment: Appointment,
    site: Site,
    *,
    known: Known | None = None,
    extras: list[ExtraField] | None = None,
) -> Notice:
    """Return the notice of a held or booked appointment; ``known`` is None while the form is filled.

    Asks how it stands, or will, in the external calendars of the practitioner: one query, two once it is booked.
    """
    zone = ZoneInfo(appointment.location.time_zone)
    booked_at = appointment.booked_at or site.now
    today = site.today(zone)
    calendars = external_calendar.calendars(practitioner_id=appointment.practitioner_id)
    gone = _foreseen(appointment, site, calendars, known)
    asked = extras or []
    days = known.retention_days if known is not None else site.practice.retention_days
    limit = erasure.erasure_limit(booked_at=booked_at, retention_days=days)
    return Notice(
        steps=_steps(
            starts=appointment.starts_at.astimezone(zone),
            gone=gone.at.astimezone(zone),
            booked_on=booked_at.astimezone(zone).date(),
            today=today,
            reminder=[]
            if known is not None and not known.is_reminded
            else _reminder(appointment, site, is_sure=known is not None),
        ),
        moment=_in_words(gone, appointment, zone, now=site.now),
        kept=_at_the_latest(gone.moment),
        limit=french.legal_day(limit.astimezone(zone).date()),
        calendar_sentences=[calendar.sentence for calendar in calendars],
        extra_labels=", ".join(f"«\u00a0{extra_field.label}\u00a0»" for extra_field in asked),
        extra_purposes=", ".join(
            dict.fromkeys(_decapitalised(extra_field.purpose) for extra_field in asked)
        ),
    )


def _foreseen(
    appointment: Appointment, site: Site, calendars: list[ExternalCalendar], known: Known | None
) -> Foreseen:
    """Return when the person will be erased; before the booking, in the words that are sure to hold."""
    if known is None:
        google = [
            calendar.sync_state for calendar in calendars if calendar.kind is CalendarKind.GOOGLE
        ]
        sync_state = google[0] if google else NOT_THERE
    else:
        sync_state = sync_state_of(appointment)
    gone = deadlines.foreseen(
        appointment=appointment,
        settings=site.practice,
        retention_days=known.retention_days if known is not None else None,
        sync_state=sync_state,
        has_phone=known is not None and known.has_phone,
        is_reminded=known is not None and known.is_reminded and appointment.has_reminder,
        now=site.now,
    )
    if known is not None and known.erase_at < gone.at:
        # The person has asked, or the practice has shortened it since.
        return Foreseen(known.erase_at, Moment.AFTER_APPOINTMENT)
    return gone


def _in_words(gone: Foreseen, appointment: Appointment, zone: ZoneInfo, *, now: datetime) -> str:
    if gone.moment is Moment.WITHIN_A_DAY or gone.at >= appointment.ends_at:
        return _at_the_latest(gone.moment)
    if gone.moment is Moment.AFTER_REMINDER:
        is_next = gone.at > now
        return _("une fois le rappel envoyé") if is_next else _("une fois la confirmation envoyée")
    today = now.astimezone(zone).date()
    return french.day_and_hour(gone.at.astimezone(zone), today=today)


def _at_the_latest(moment: Moment) -> str:
    if moment is Moment.WITHIN_A_DAY:
        return _("dans les 24\u00a0heures qui suivent le rendez-vous")
    return _("à la fin du rendez-vous")


def _steps(
    *, starts: datetime, gone: datetime, booked_on: date, today: date, reminder: list[Step]
) -> list[Step]:
    first = (
        _("Aujourd'hui, %(day)s") % {"day": _day(today)} if booked_on == today else _day(booked_on)
    )
    steps = [
        Step(first, _("Vos coordonnées sont chiffrées, avec une clé pour ce seul rendez-vous."))
    ]
    steps += reminder
    if gone < starts:
        steps.append(Step(_moment(gone, today), _("Elles sont effacées de ce site."), erases=True))
        return [*steps, Step(_moment(starts, today), _("Votre rendez-vous."))]
    steps.append(Step(_moment(starts, today), _("Votre rendez-vous.")))
    if gone.date() == starts.date():
        when = _("Puis à %(hour)s") % {"hour": french.hour(gone)}
    else:
        when = _("Avant le %(moment)s") % {"moment": _decapitalised(_moment(gone, today))}
    return [*steps, Step(when, _("Elles sont effacées de ce site."), erases=True)]


def _reminder(appointment: Appointment, site: Site, *, is_sure: bool) -> list[Step]:
    """Return the step of a reminder that is still to leave, or nothing."""
    due = deadlines.reminder_at(
        appointment=appointment, settings=site.practice, booked_at=appointment.booked_at or site.now
    )
    if due is None or due <= site.now or not appointment.has_reminder:
        return []
    zone = ZoneInfo(appointment.location.time_zone)
    text = _("Le rappel part.") if is_sure else _("Le rappel part, si vous donnez un e-mail.")
    return [Step(_moment(due.astimezone(zone), site.today(zone)), text)]


def _moment(moment: datetime, today: date) -> str:
    # Ordinary spaces: the dates stand side by side in narrow columns.
    day = french.long_day(moment.date(), today=today).replace(french.NBSP, " ")
    return f"{_capitalised(day)}, {french.hour(moment)}"


def _day(day: date) -> str:
    return f"{french.day_number(day)}{french.NBSP}{french.month(day)}"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _decapitalised(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")
