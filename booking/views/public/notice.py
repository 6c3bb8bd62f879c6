"""The notice "vos données" (T-1, B-06): what happens to the data of this appointment, and when.

Every date is computed from the practice's real settings by the functions that erase.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from booking import erasure, french
from booking.models import Appointment, ExtraField
from booking.services import deadlines
from booking.views.public.page import Site


@dataclass(frozen=True)
class Step:
    """One knot of the thread; ``erases`` marks the one where the data go."""

    when: str
    what: str
    erases: bool = False


@dataclass(frozen=True)
class Notice:
    """What the template of the notice draws."""

    steps: list[Step]
    moment: str
    limit: str
    extra_labels: str = ""
    extra_purposes: str = ""


def for_appointment(
    appointment: Appointment,
    site: Site,
    *,
    erase_at: datetime | None = None,
    is_reminded: bool | None = None,
    extras: list[ExtraField] | None = None,
) -> Notice:
    """Return the notice of a held or booked appointment.

    ``is_reminded`` says whether a reminder can reach the person; None while nobody knows yet.
    """
    zone = ZoneInfo(appointment.location.time_zone)
    booked_at = appointment.booked_at or site.now
    today = site.today(zone)
    starts = appointment.starts_at.astimezone(zone)
    gone = (erase_at or _erase_at(appointment, site, booked_at=booked_at)).astimezone(zone)
    asked = extras or []
    limit = erasure.erasure_limit(booked_at=booked_at, retention_days=site.practice.retention_days)
    return Notice(
        steps=_steps(
            starts=starts,
            gone=gone,
            booked_on=booked_at.astimezone(zone).date(),
            today=today,
            reminder=[]
            if is_reminded is False
            else _reminder(appointment, site, is_sure=bool(is_reminded)),
        ),
        moment=_("à la fin du rendez-vous")
        if gone >= appointment.ends_at
        else french.day_and_hour(gone, today=today),
        limit=french.legal_day(limit.astimezone(zone).date()),
        extra_labels=", ".join(f"«\u00a0{extra.label}\u00a0»" for extra in asked),
        extra_purposes=", ".join(dict.fromkeys(_decapitalised(extra.purpose) for extra in asked)),
    )


def _erase_at(appointment: Appointment, site: Site, *, booked_at: datetime) -> datetime:
    return erasure.erase_at(
        case=erasure.case_of(erasure.Facts()),
        ends_at=appointment.ends_at,
        booked_at=booked_at,
        retention_days=site.practice.retention_days,
    )


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
    when = french.hour(gone) if gone.date() == starts.date() else _moment(gone, today)
    return [
        *steps,
        Step(
            _("Puis à %(hour)s") % {"hour": when}, _("Elles sont effacées de ce site."), erases=True
        ),
    ]


def _reminder(appointment: Appointment, site: Site, *, is_sure: bool) -> list[Step]:
    """Return the step of a reminder that is still to leave, or nothing."""
    due = deadlines.reminder_at(
        appointment=appointment, settings=site.practice, booked_at=appointment.booked_at or site.now
    )
    if due is None or due <= site.now or not appointment.has_reminder:
        return []
    zone = ZoneInfo(appointment.location.time_zone)
    said = _("Le rappel part.") if is_sure else _("Le rappel part, si vous donnez un e-mail.")
    return [Step(_moment(due.astimezone(zone), site.today(zone)), said)]


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
