"""What is said to people about one appointment, and by which channel.

Rendering knows neither the database nor the clock: it takes what one message says (Visit), to whom
(Recipient) and when, and returns a mail or the text of an SMS. Nothing here names a motif, and
neither a subject nor a sender names a profession (B-41).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.mime.text import MIMEText
from email.utils import formataddr, parseaddr
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string

from booking import french, sms, wording
from booking.calendar_file import Event, Method, calendar_file
from booking.erasure import Moment
from tenants.mail import Mail


class Kind(StrEnum):
    """The messages of T-2; the value names the templates."""

    CONFIRMATION = "confirmation"
    REMINDER = "reminder"
    MOVED = "moved"
    CANCELLED_BY_PATIENT = "cancelled_by_patient"
    CANCELLED_BY_PRACTITIONER = "cancelled_by_practitioner"
    CONTACT_CORRECTED = "contact_corrected"
    MANAGE_LINKS = "manage_links"
    SLOT_FREED = "slot_freed"
    LATE = "late"


class Channel(StrEnum):
    """By what a person can be reached; NONE is a terminal state of its own."""

    EMAIL = "email"
    SMS = "sms"
    NONE = "none"


# T-2, in the GSM-7 alphabet; {practitioner} and {link} are fitted by sms.compose.
SMS_TEMPLATES = {
    Kind.CONFIRMATION: (
        "RDV confirmé le {day} à {hour} avec {practitioner}. Gérer ou annuler : {link}"
    ),
    Kind.REMINDER: (
        "Rappel : RDV demain {day} à {hour} avec {practitioner}. Pour annuler : {link}"
    ),
    Kind.MOVED: "Votre RDV avec {practitioner} est déplacé au {day} à {hour}. Gérer : {link}",
    Kind.CANCELLED_BY_PATIENT: (
        "Votre RDV du {day} à {hour} avec {practitioner} est annulé. Reprendre RDV : {link}"
    ),
    Kind.CANCELLED_BY_PRACTITIONER: (
        "Votre RDV du {day} à {hour} est annulé par {practitioner}. Autre date : {link}"
    ),
    Kind.CONTACT_CORRECTED: (
        "RDV du {day} à {hour} avec {practitioner} : coordonnées modifiées. {link}"
    ),
    Kind.MANAGE_LINKS: (
        "Votre RDV du {day} à {hour} avec {practitioner}. Gérer ou annuler : {link}"
    ),
}

_CALENDAR = {
    Kind.CONFIRMATION: Method.PUBLISH,
    Kind.MOVED: Method.PUBLISH,
    Kind.CANCELLED_BY_PATIENT: Method.CANCEL,
    Kind.CANCELLED_BY_PRACTITIONER: Method.CANCEL,
}
# Not to the person: no name, no link of theirs, and nobody to reply to.
TO_PRACTITIONER = {Kind.SLOT_FREED, Kind.LATE}
# These lead to the practice's page: the appointment is over, or the reader is not its owner.
LINKS_TO_SITE = {
    Kind.CANCELLED_BY_PATIENT,
    Kind.CANCELLED_BY_PRACTITIONER,
    Kind.CONTACT_CORRECTED,
}


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Who is written to, as long as the message is being made; `relative` is who comes (B-05)."""

    first_name: str = ""
    email: str = ""
    phone: str = ""
    relative: str = ""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One appointment as messages tell it. Instants are aware; `zone` is the zone of the place.

    `base_url` is the practice's own address without final slash. `reminder_at` is None when no
    reminder will leave; `changes_until` None when the person may change until the start. `moment` is when
    the person's data go from here.
    """

    ref: UUID
    sequence: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: ZoneInfo
    practitioner: str
    base_url: str
    manage_url: str
    short_url: str = ""
    substitute: str = ""
    place: tuple[str, ...] = ()
    town: str = ""
    practice_phone: str = ""
    practice_email: str = ""
    spoken_ref: str = ""
    limit_at: dt.datetime | None = None
    reminder_at: dt.datetime | None = None
    moment: Moment = Moment.AFTER_APPOINTMENT
    changes_until: dt.datetime | None = None
    late_min: int | None = None
    previous_starts_at: dt.datetime | None = None

    @property
    def start(self) -> dt.datetime:
        """When it starts, in the zone of the place."""
        return self.starts_at.astimezone(self.zone)

    @property
    def end(self) -> dt.datetime:
        """When it ends, in the zone of the place."""
        return self.ends_at.astimezone(self.zone)

    @property
    def host(self) -> str:
        """Host name of the practice, without port."""
        return urlsplit(self.base_url).hostname or ""


def choose_channel(recipient: Recipient, *, sms_enabled: bool) -> Channel:
    """E-mail when there is one, else an SMS to a mobile where the practice sends them (B-07)."""
    if recipient.email:
        return Channel.EMAIL
    if sms_enabled and settings.SMS_GATEWAY and french.is_mobile(recipient.phone):
        return Channel.SMS
    return Channel.NONE


def render_mail(  # noqa: PLR0913  # what one mail needs, each by its name
    kind: Kind,
    *,
    visit: Visit,
    recipient: Recipient,
    key: UUID,
    now: dt.datetime,
    is_retry: bool = False,
    visits: Sequence[Visit] = (),
    added: str = "",
) -> Mail:
    """The mail of `kind` to `recipient`; `visits` are the appointments that MANAGE_LINKS lists.

    `added` is what the practice says in its own words: a paragraph in our mail, never in its subject.
    """
    context = _context(kind, visit=visit, recipient=recipient, now=now, visits=visits)
    context["added"] = wording.paragraphs(wording.fill(added, _values(visit, recipient)))
    subject = " ".join(_render(kind, "subject.txt", context).splitlines())
    mail = Mail(
        key=key,
        written_at=now,
        is_retry=is_retry,
        subject=subject,
        body=_render(kind, "txt", context),
        from_email=_sender(kind, visit),
        to=[recipient.email],
        reply_to=[visit.practice_email] if _has_reply(kind, visit) else [],
    )
    mail.attach_alternative(_render(kind, "html", {**context, "subject": subject}), "text/html")
    if kind in _CALENDAR:
        mail.attach(_calendar_part(visit, method=_CALENDAR[kind], now=now))
    return mail


def render_sms(kind: Kind, *, visit: Visit, added: str = "", first_name: str = "") -> str:
    """The SMS of `kind`, at most 160 septets (B-42). ValueError where no SMS can say it.

    What the practice added is left out where it would not fit: the hour and the link come first.
    """
    link = visit.base_url if kind in LINKS_TO_SITE else visit.short_url
    values = {
        "practitioner": visit.substitute or visit.practitioner,
        "link": link,
        "day": french.short_day(visit.start.date()),
        "hour": french.short_hour(visit.start),
    }
    words = wording.fill(added, _values(visit, Recipient(first_name=first_name)))
    if words:
        try:
            # Braces that a value brought along are no placeholders of ours.
            extra = sms.transliterate(re.sub(r"[{}]", "", words))
            return sms.compose(f"{SMS_TEMPLATES[kind]} {extra}", **values)
        except ValueError:
            pass
    return sms.compose(SMS_TEMPLATES[kind], **values)


def sms_size(kind: Kind, *, visit: Visit, added: str, first_name: str) -> int:
    """The septets of the SMS of `kind` with what the practice adds, the name kept to twenty of them."""
    name = sms.shortened(sms.transliterate(visit.substitute or visit.practitioner), 20)
    words = wording.fill(added, _values(visit, Recipient(first_name=first_name)))
    fixed = SMS_TEMPLATES[kind].format(
        practitioner=name,
        link=visit.base_url if kind in LINKS_TO_SITE else visit.short_url,
        day=french.short_day(visit.start.date()),
        hour=french.short_hour(visit.start),
    )
    return sms.septets(sms.transliterate(f"{fixed} {words}".strip())) or 0


def _values(visit: Visit, recipient: Recipient) -> dict[str, str]:
    """What the placeholders of a practice's text stand for (wording.PLACEHOLDERS)."""
    return {
        "prenom": recipient.first_name,
        "date": french.long_day(visit.start.date(), today=visit.start.date()),
        "heure": french.hour(visit.start),
        "praticien": visit.substitute or visit.practitioner,
        "lieu": ", ".join(visit.place),
    }


def calendar_event(visit: Visit) -> Event:
    """The appointment as its calendar file tells it: with whom and where, never why."""
    return Event(
        ref=visit.ref,
        sequence=visit.sequence,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        zone=visit.zone,
        title=f"Rendez-vous avec {visit.substitute or visit.practitioner}",
        place=", ".join(visit.place),
        host=settings.APEX,
        organizer=visit.practitioner,
        sender=parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
        manage_url=visit.manage_url,
    )


def _calendar_part(visit: Visit, *, method: Method, now: dt.datetime) -> MIMEText:
    data = calendar_file(calendar_event(visit), method=method, now=now)
    part = MIMEText(data.decode(), "calendar", "utf-8")
    part.set_param("method", method.value)
    part.add_header("Content-Disposition", "attachment", filename="rendez-vous.ics")
    return part


def _context(
    kind: Kind, *, visit: Visit, recipient: Recipient, now: dt.datetime, visits: Sequence[Visit]
) -> dict[str, Any]:
    today = now.astimezone(visit.zone).date()
    is_stranger = kind is Kind.CONTACT_CORRECTED
    rights_url = f"{visit.base_url}/mes-donnees/"
    return {
        "visit": visit,
        "visits": visits,
        "recipient": recipient,
        "today": today,
        "is_tomorrow": visit.start.date() == today + dt.timedelta(days=1),
        "zone_mention": french.zone_mention(visit.zone),
        "site_url": f"{visit.base_url}/",
        # Whoever holds the address that was replaced must not hold the appointment.
        "manage_url": rights_url if is_stranger else visit.manage_url,
        "stop_url": rights_url if is_stranger else f"{visit.manage_url}sans-rappel/",
        "rights_url": rights_url if is_stranger else f"{visit.manage_url}#effacer",
    } | _local_instants(visit)


def _local_instants(visit: Visit) -> dict[str, dt.datetime | None]:
    instants = {
        "limit": visit.limit_at,
        "reminder": visit.reminder_at,
        "changes_until": visit.changes_until,
        "previous_start": visit.previous_starts_at,
    }
    return {
        name: instant.astimezone(visit.zone) if instant else None
        for name, instant in instants.items()
    }


def _render(kind: Kind, part: str, context: dict[str, Any]) -> str:
    text = render_to_string(f"emails/{kind.value}.{part}", context).strip()
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _has_reply(kind: Kind, visit: Visit) -> bool:
    return bool(visit.practice_email) and kind not in TO_PRACTITIONER


def _sender(kind: Kind, visit: Visit) -> str:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    name = "lib-rdv" if kind in TO_PRACTITIONER else visit.practitioner
    return formataddr((" ".join(name.split()), address))
