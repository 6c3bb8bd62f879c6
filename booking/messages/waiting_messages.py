"""The messages of the waiting list: the confirmation of an entry, and the offer of a slot.

Like appointment_messages it uses neither the database nor the clock, and no message holds an appointment type.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string

from booking.formats import french, sms
from booking.messages.appointment_messages import Recipient, shades_of
from tenants.email_transport import Mail


class WaitingMessageKind(StrEnum):
    """The messages of the list; the value names the templates."""

    JOINED = "waiting_joined"
    OFFER = "waiting_offer"


_SMS = {
    WaitingMessageKind.JOINED: "Vous serez prévenu(e) d'un RDV plus tôt avec {practitioner}. Quitter : {link}",
    WaitingMessageKind.OFFER: (
        "RDV libre le {day} à {hour} avec {practitioner}, gardé jusqu'à {until}. Répondre : {link}"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Wait:
    """The data of one message; ``starts_at`` and ``until`` are those of an offer. Instants are aware."""

    zone: ZoneInfo
    practitioner: str
    base_url: str
    url: str
    """The link to the offer or to the waiting entry."""
    erase_at: dt.datetime
    leave_url: str = ""
    starts_at: dt.datetime | None = None
    until: dt.datetime | None = None
    gives_back_at: dt.datetime | None = None
    minutes: int = 0
    """The length of an offered slot."""
    substitute: str = ""
    place: tuple[str, ...] = ()
    town: str = ""
    practice_phone: str = ""
    practice_email: str = ""
    colour: str = ""

    @property
    def start(self) -> dt.datetime | None:
        """The start of the offered slot in the zone of the location."""
        return self.starts_at.astimezone(self.zone) if self.starts_at else None


def render_mail(
    kind: WaitingMessageKind,
    *,
    wait: Wait,
    recipient: Recipient,
    key: UUID,
    now: dt.datetime,
    is_retry: bool = False,
) -> Mail:
    """Return the e-mail of ``kind`` to ``recipient``."""
    context = _context(wait, recipient, now)
    subject = " ".join(_render(kind, "subject.txt", context).split())
    mail = Mail(
        key=key,
        written_at=now,
        is_retry=is_retry,
        subject=subject,
        body=_render(kind, "txt", context),
        from_email=_sender(wait),
        to=[recipient.email],
        reply_to=[wait.practice_email] if wait.practice_email else [],
    )
    mail.attach_alternative(_render(kind, "html", {**context, "subject": subject}), "text/html")
    return mail


def render_sms(kind: WaitingMessageKind, *, wait: Wait) -> str:
    """Return the SMS of ``kind``, at most 160 septets (B-42). Raises ValueError when its text cannot fit."""
    hours: dict[str, str] = {}
    if wait.start is not None and wait.until is not None:
        hours = {
            "day": french.short_day(wait.start.date()),
            "hour": french.short_hour(wait.start),
            "until": french.short_hour(wait.until.astimezone(wait.zone)),
        }
    name = wait.substitute or wait.practitioner
    return sms.compose(_SMS[kind], practitioner=name, link=wait.url, **hours)


def _context(wait: Wait, recipient: Recipient, now: dt.datetime) -> dict[str, Any]:
    def local(instant: dt.datetime | None) -> dt.datetime | None:
        return instant.astimezone(wait.zone) if instant else None

    return {
        "visit": wait,
        "recipient": recipient,
        "today": now.astimezone(wait.zone).date(),
        "zone_mention": french.zone_mention(wait.zone),
        "until": local(wait.until),
        "gives_back": local(wait.gives_back_at),
        "erased": local(wait.erase_at),
        "rights_url": f"{wait.base_url}/mes-donnees/",
        **shades_of(wait.colour),
    }


def _render(kind: WaitingMessageKind, part: str, context: dict[str, Any]) -> str:
    text = render_to_string(f"emails/{kind.value}.{part}", context).strip()
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _sender(wait: Wait) -> str:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return formataddr((" ".join(wait.practitioner.split()), address))
