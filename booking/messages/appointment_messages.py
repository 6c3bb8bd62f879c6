"""The messages about one appointment, and the channel of each.

Rendering uses neither the database nor the clock: its arguments are the visit (MessageVisit), the recipient
(Recipient) and the instant, its result is an e-mail or the text of an SMS. No message holds an appointment
type; subjects and senders hold no profession (B-41).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
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
from django.utils.translation import gettext as _

from booking.formats import french, sms
from booking.formats.calendar_file import (
    Event,
    Method,
    calendar_file,
)
from booking.messages import erasure_sentences
from booking.rules import placeholders
from booking.rules.erasure import Moment
from tenants.email_transport import Mail
from tenants.website.colours import brand


class MessageKind(StrEnum):
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


class MessageChannel(StrEnum):
    """The channel by which a person can be reached; NONE ends the outbox entry as ``no_channel``."""

    EMAIL = "email"
    SMS = "sms"
    NONE = "none"


# The texts of T-2 in the GSM-7 alphabet; sms.compose fits {practitioner} and {link}.
SMS_TEMPLATES = {
    MessageKind.CONFIRMATION: (
        "RDV confirmé le {day} à {hour} avec {practitioner}. Gérer ou annuler : {link}"
    ),
    MessageKind.REMINDER: (
        "Rappel : RDV demain {day} à {hour} avec {practitioner}. Pour annuler : {link}"
    ),
    MessageKind.MOVED: "Votre RDV avec {practitioner} est déplacé au {day} à {hour}. Gérer : {link}",
    MessageKind.CANCELLED_BY_PATIENT: (
        "Votre RDV du {day} à {hour} avec {practitioner} est annulé. Reprendre RDV : {link}"
    ),
    MessageKind.CANCELLED_BY_PRACTITIONER: (
        "Votre RDV du {day} à {hour} est annulé par {practitioner}. Autre date : {link}"
    ),
    MessageKind.CONTACT_CORRECTED: (
        "RDV du {day} à {hour} avec {practitioner} : coordonnées modifiées. {link}"
    ),
    MessageKind.MANAGE_LINKS: (
        "Votre RDV du {day} à {hour} avec {practitioner}. Gérer ou annuler : {link}"
    ),
}

# After the limit of the appointment type: the link shows the appointment and changes nothing.
SMS_TEMPLATES_AFTER_LIMIT = {
    MessageKind.CONFIRMATION: "RDV confirmé le {day} à {hour} avec {practitioner}. Le voir : {link}",
    MessageKind.REMINDER: "Rappel : RDV demain {day} à {hour} avec {practitioner}. Le voir : {link}",
    MessageKind.MOVED: (
        "Votre RDV avec {practitioner} est déplacé au {day} à {hour}. Le voir : {link}"
    ),
    MessageKind.MANAGE_LINKS: "Votre RDV du {day} à {hour} avec {practitioner}. Le voir : {link}",
}

_CALENDAR = {
    MessageKind.CONFIRMATION: Method.PUBLISH,
    MessageKind.MOVED: Method.PUBLISH,
    MessageKind.CANCELLED_BY_PATIENT: Method.CANCEL,
    MessageKind.CANCELLED_BY_PRACTITIONER: Method.CANCEL,
}
# To the practitioner: without the person's name, without their link, without an address to reply to.
TO_PRACTITIONER = {MessageKind.SLOT_FREED, MessageKind.LATE}
# These link to the site of the practice: the appointment is cancelled, or the reader may not be its person.
LINKS_TO_SITE = {
    MessageKind.CANCELLED_BY_PATIENT,
    MessageKind.CANCELLED_BY_PRACTITIONER,
    MessageKind.CONTACT_CORRECTED,
}


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """The recipient of one message; `relative` is the first name of the person who comes (B-05)."""

    first_name: str = ""
    email: str = ""
    phone: str = ""
    relative: str = ""


@dataclass(frozen=True, kw_only=True)
class MessageVisit:
    """The data of one appointment in messages. Instants are aware; `zone` is the zone of the location.

    `base_url` is the address of the practice's site without final slash. `reminder_at` is None when no reminder
    will leave, `changes_until` is None when the person may change until the start, `can_change` says whether
    that limit is still to come. `moment` is the announced moment of the erasure. `colour` is the practice's
    (#rrggbb), empty for the colour of lib-rdv.
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
    access_text: str = ""
    instructions: str = ""
    video_url: str = ""
    can_change: bool = True
    colour: str = ""
    previous_starts_at: dt.datetime | None = None

    @property
    def start(self) -> dt.datetime:
        """The start in the zone of the location."""
        return self.starts_at.astimezone(self.zone)

    @property
    def end(self) -> dt.datetime:
        """The end in the zone of the location."""
        return self.ends_at.astimezone(self.zone)

    @property
    def minutes(self) -> int:
        """The length of the appointment."""
        return int((self.ends_at - self.starts_at).total_seconds()) // 60

    @property
    def access(self) -> list[str]:
        """How to come, in lines: a text of the practice about the place."""
        return placeholders.paragraphs(self.access_text)

    @property
    def preparation(self) -> list[str]:
        """What to bring or to do before, in lines: the practice's text of the appointment type."""
        return placeholders.paragraphs(self.instructions)

    @property
    def host(self) -> str:
        """The host name of the practice's site, without port."""
        return urlsplit(self.base_url).hostname or ""


def choose_channel(recipient: Recipient, *, sms_enabled: bool) -> MessageChannel:
    """Return EMAIL when there is an address, SMS for a mobile when the practice sends SMS, else NONE (B-07)."""
    if recipient.email:
        return MessageChannel.EMAIL
    if sms_enabled and settings.SMS_GATEWAY and french.is_mobile(recipient.phone):
        return MessageChannel.SMS
    return MessageChannel.NONE


def render_mail(  # noqa: PLR0913  # the data of one e-mail, each by its name
    kind: MessageKind,
    *,
    visit: MessageVisit,
    recipient: Recipient,
    key: UUID,
    now: dt.datetime,
    is_retry: bool = False,
    visits: Sequence[MessageVisit] = (),
    added: str = "",
) -> Mail:
    """Return the e-mail of `kind` to `recipient`; `visits` are the appointments that MANAGE_LINKS lists.

    `added` is the text of the practice: it becomes a paragraph of the body and is not in the subject.
    """
    context = _context(kind, visit=visit, recipient=recipient, now=now, visits=visits)
    context["added"] = placeholders.paragraphs(placeholders.fill(added, _values(visit, recipient)))
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


def render_sms(
    kind: MessageKind, *, visit: MessageVisit, added: str = "", first_name: str = ""
) -> str:
    """Return the SMS of `kind`, at most 160 septets (B-42). Raises ValueError when its text cannot fit.

    The text that the practice added is left out when it does not fit: the hour and the link come first.
    """
    link = visit.base_url if kind in LINKS_TO_SITE else visit.short_url
    template = SMS_TEMPLATES[kind]
    if not visit.can_change:
        template = SMS_TEMPLATES_AFTER_LIMIT.get(kind, template)
    values = {
        "practitioner": visit.substitute or visit.practitioner,
        "link": link,
        "day": french.short_day(visit.start.date()),
        "hour": french.short_hour(visit.start),
    }
    words = placeholders.fill(added, _values(visit, Recipient(first_name=first_name)))
    if words:
        try:
            # Braces inside values must not be read as placeholders of sms.compose.
            addition = sms.transliterate(re.sub(r"[{}]", "", words))
            return sms.compose(f"{template} {addition}", **values)
        except ValueError:
            pass
    return sms.compose(template, **values)


def sms_size(kind: MessageKind, *, visit: MessageVisit, added: str, first_name: str) -> int:
    """Return the septets of the SMS of `kind` with the text of the practice, and a name of at most 20."""
    name = sms.shortened(sms.transliterate(visit.substitute or visit.practitioner), 20)
    words = placeholders.fill(added, _values(visit, Recipient(first_name=first_name)))
    fixed = SMS_TEMPLATES[kind].format(
        practitioner=name,
        link=visit.base_url if kind in LINKS_TO_SITE else visit.short_url,
        day=french.short_day(visit.start.date()),
        hour=french.short_hour(visit.start),
    )
    return sms.septets(sms.transliterate(f"{fixed} {words}".strip())) or 0


def _values(visit: MessageVisit, recipient: Recipient) -> dict[str, str]:
    """Return the values of the placeholders of a practice's text (placeholders.PLACEHOLDERS)."""
    return {
        "prenom": recipient.first_name,
        "date": french.long_day(visit.start.date(), today=visit.start.date()),
        "heure": french.hour(visit.start),
        "praticien": visit.substitute or visit.practitioner,
        "lieu": ", ".join(visit.place),
    }


def calendar_event(visit: MessageVisit) -> Event:
    """Return the event of the calendar file: practitioner and location, without the appointment type."""
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
        description="\n".join(_description(visit)),
    )


def _description(visit: MessageVisit) -> Iterator[str]:
    """Yield the lines of the event's description: what one needs on the day, without the appointment type."""
    if visit.video_url:
        yield _("Rejoindre la visio\u00a0: %(link)s") % {"link": visit.video_url}
    if visit.access:
        yield _("Accès\u00a0: %(text)s") % {"text": "\n".join(visit.access)}
    if visit.preparation:
        yield _("À prévoir\u00a0: %(text)s") % {"text": "\n".join(visit.preparation)}
    if visit.practice_phone:
        yield _("Téléphone du cabinet\u00a0: %(phone)s") % {
            "phone": french.phone(visit.practice_phone)
        }
    if visit.manage_url:
        yield _("Votre rendez-vous en ligne\u00a0: %(link)s") % {"link": visit.manage_url}


def _calendar_part(visit: MessageVisit, *, method: Method, now: dt.datetime) -> MIMEText:
    data = calendar_file(calendar_event(visit), method=method, now=now)
    part = MIMEText(data.decode(), "calendar", "utf-8")
    part.set_param("method", method.value)
    part.add_header("Content-Disposition", "attachment", filename="rendez-vous.ics")
    return part


def _context(
    kind: MessageKind,
    *,
    visit: MessageVisit,
    recipient: Recipient,
    now: dt.datetime,
    visits: Sequence[MessageVisit],
) -> dict[str, Any]:
    today = now.astimezone(visit.zone).date()
    is_stranger = kind is MessageKind.CONTACT_CORRECTED
    rights_url = f"{visit.base_url}/mes-donnees/"
    instants = _local_instants(visit)
    return {
        "visit": visit,
        "visits": visits,
        "recipient": recipient,
        "today": today,
        "is_tomorrow": visit.start.date() == today + dt.timedelta(days=1),
        "zone_mention": french.zone_mention(visit.zone),
        "site_url": f"{visit.base_url}/",
        # The owner of the replaced address may be another person and must not get the link.
        "manage_url": rights_url if is_stranger else visit.manage_url,
        "footer_links": _footer_links(kind, visit, rights_url),
        "kept_until": erasure_sentences.kept_until(
            visit.moment, reminder=instants["reminder"], today=today
        ),
        "erased_when": erasure_sentences.in_reminder(visit.moment),
        **shades_of(visit.colour),
    } | instants


def _footer_links(kind: MessageKind, visit: MessageVisit, rights_url: str) -> list[tuple[str, str]]:
    """Return the links of the footer under their labels; none to what is no longer possible (B-44)."""
    if kind is MessageKind.CONTACT_CORRECTED:
        # The owner of the replaced address may be another person and must not get the link.
        return [(_("Mes données"), rights_url)]
    if kind in LINKS_TO_SITE:
        return [(_("Voir ce rendez-vous"), visit.manage_url), (_("Mes données"), rights_url)]
    return [
        (_("Gérer mon rendez-vous"), visit.manage_url),
        (_("Ne plus recevoir de rappel"), f"{visit.manage_url}sans-rappel/"),
        (_("Supprimer mes données"), f"{visit.manage_url}#effacer"),
    ]


def shades_of(colour: str) -> dict[str, str]:
    """Return the readable shades of the practice's colour; none for the colour of lib-rdv."""
    if not colour:
        return {}
    made = brand(colour)
    return {"accent": made.light.accent, "accent_dark": made.dark.accent}


def _local_instants(visit: MessageVisit) -> dict[str, dt.datetime | None]:
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


def _render(kind: MessageKind, part: str, context: dict[str, Any]) -> str:
    text = render_to_string(f"emails/{kind.value}.{part}", context).strip()
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _has_reply(kind: MessageKind, visit: MessageVisit) -> bool:
    return bool(visit.practice_email) and kind not in TO_PRACTITIONER


def _sender(kind: MessageKind, visit: MessageVisit) -> str:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    name = "lib-rdv" if kind in TO_PRACTITIONER else visit.practitioner
    return formataddr((" ".join(name.split()), address))
