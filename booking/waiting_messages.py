"""What is said to somebody who waits for an earlier slot: that they are on the list, and what is offered.

Like booking.messages this knows neither the database nor the clock, and names no motif.
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

from booking import french, sms
from booking.messages import Recipient
from tenants.mail import Mail


class Kind(StrEnum):
    """The messages of the list; the value names the templates."""

    JOINED = "waiting_joined"
    OFFER = "waiting_offer"


_SMS = {
    Kind.JOINED: "Vous serez prévenu(e) d'un RDV plus tôt avec {practitioner}. Quitter : {link}",
    Kind.OFFER: (
        "RDV libre le {day} à {hour} avec {practitioner}, gardé jusqu'à {until}. Répondre : {link}"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What one message says; ``starts_at`` and ``until`` only of an offer. Instants are aware."""

    zone: ZoneInfo
    practitioner: str
    base_url: str
    url: str
    """Of the offer, or of the place on the list."""
    erase_at: dt.datetime
    leave_url: str = ""
    starts_at: dt.datetime | None = None
    until: dt.datetime | None = None
    gives_back_at: dt.datetime | None = None
    substitute: str = ""
    place: tuple[str, ...] = ()
    town: str = ""
    practice_phone: str = ""
    practice_email: str = ""

    @property
    def start(self) -> dt.datetime | None:
        """When the offered slot starts, in the zone of the place."""
        return self.starts_at.astimezone(self.zone) if self.starts_at else None


def render_mail(
    kind: Kind,
    *,
    wait: Wait,
    recipient: Recipient,
    key: UUID,
    now: dt.datetime,
    is_retry: bool = False,
) -> Mail:
    """The mail of ``kind`` to ``recipient``."""
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


def render_sms(kind: Kind, *, wait: Wait) -> str:
    """The SMS of ``kind``, at most 160 septets (B-42). ValueError where no SMS can say it."""
    said: dict[str, str] = {}
    if wait.start is not None and wait.until is not None:
        said = {
            "day": french.short_day(wait.start.date()),
            "hour": french.short_hour(wait.start),
            "until": french.short_hour(wait.until.astimezone(wait.zone)),
        }
    who = wait.substitute or wait.practitioner
    return sms.compose(_SMS[kind], practitioner=who, link=wait.url, **said)


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
    }


def _render(kind: Kind, part: str, context: dict[str, Any]) -> str:
    text = render_to_string(f"emails/{kind.value}.{part}", context).strip()
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _sender(wait: Wait) -> str:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return formataddr((" ".join(wait.practitioner.split()), address))
