"""Sends one e-mail through an SMTP relay or through Brevo's HTTP API.

The idempotency key of a mail is the ref of its outbox entry. A retry has the same key and the same
Message-ID, and Brevo sends a mail with a known key once.
"""

from __future__ import annotations

import io
import json
import re
import smtplib
from datetime import UTC, date, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import requests
from anymail.backends.brevo import EmailBackend as AnymailBrevo
from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as DjangoSmtp

from tenants import http_gateway

_PERMANENT = ("hardBounces", "invalid", "blocked")
"""Brevo's events for a mail that it will never deliver."""
_MOST_EVENTS = 2500
"""Brevo's limit for one page of events."""
_KEY = re.compile(r"[0-9a-f]{32}")


class MailUnavailableError(Exception):
    """The relay did not accept the mail for now; the message is a code without address or content.

    ``unreachable``: it did not answer. ``not_accepted``: our login, sender, account or quota. ``deferred``: it put
    off this recipient or this content.
    """


class MailRefusedError(Exception):
    """The relay refused the mail for good; the message is a code without address or content."""


class Mail(EmailMultiAlternatives):
    """One mail to one person, with the idempotency key of its outbox entry.

    ``written_at`` becomes the Date header, in UTC.
    """

    def __init__(
        self, *, key: UUID, written_at: datetime, is_retry: bool = False, **parts: Any
    ) -> None:
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
        headers = {
            **parts.pop("headers", {}),
            "Message-ID": f"<{key.hex}@{domain}>",
            "Date": format_datetime(written_at.astimezone(UTC)),
            # RFC 3834: no machine should answer.
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        }
        super().__init__(headers=headers, **parts)
        self.key = key
        self.is_retry = is_retry
        self.tags = [key.hex]

    def message(self) -> Any:  # type: ignore[override]  # the stubs are of a later Django
        """Return the message; its subject is folded with its name, so that no empty line precedes it.

        Django encodes the words without the name, and the first line was then too long to follow it.
        """
        made = super().message()
        made.replace_header("Subject", Header(str(self.subject), header_name="Subject"))
        return made


def submit(mail: Mail) -> None:
    """Send one mail, outside any unit; return when the relay has accepted it.

    Raises MailUnavailableError or MailRefusedError without their cause, whose text contains the address.
    """
    http_gateway.refuse_inside_a_unit()
    mail.connection = get_connection()
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        raise _by_code(min(codes)) from None
    except smtplib.SMTPDataError as answer:
        raise _by_code(answer.smtp_code) from None
    except AnymailRequestsAPIError as answer:
        raise _by_status(answer.status_code) from None
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused):
        raise MailUnavailableError("not_accepted") from None
    except (smtplib.SMTPException, AnymailError, requests.RequestException, OSError):
        raise MailUnavailableError("unreachable") from None


def failed_later(*, on: date) -> list[UUID]:
    """Return the keys of the mails that Brevo accepted since the day before ``on`` and could not deliver for good.

    Empty with another transport, which reports nothing afterwards. Call it outside any unit. Raises
    MailUnavailableError when Brevo does not answer.
    """
    if settings.MAIL_PROVIDER != "brevo":
        return []
    found: dict[UUID, None] = {}
    with http_gateway.session("brevo") as session:
        for event in _PERMANENT:
            for item in _events(session, event, on=on):
                for tag in str(item.get("tag", "")).split(","):
                    if _KEY.fullmatch(tag.strip()):
                        found[UUID(hex=tag.strip())] = None
    return list(found)


def _events(session: requests.Session, event: str, *, on: date) -> list[dict[str, Any]]:
    try:
        answer = session.get(
            f"{http_gateway.base_address('brevo')}smtp/statistics/events",
            params={
                "event": event,
                "startDate": (on - timedelta(days=1)).isoformat(),
                "endDate": on.isoformat(),
                "limit": str(_MOST_EVENTS),
                "sort": "desc",
            },
            headers={"api-key": settings.BREVO_API_KEY, "accept": "application/json"},
        )
    except requests.RequestException:
        raise MailUnavailableError("unreachable") from None
    if not answer.ok:
        raise MailUnavailableError("not_accepted")
    events: list[dict[str, Any]] = answer.json().get("events") or []
    return events


def _by_code(code: int) -> Exception:
    # Final are only refusals of this recipient or this content. A refused greeting, login or sender is a
    # fault of the configuration and falls under the other SMTP errors: the mail is retried.
    if code == 530:
        return MailUnavailableError("not_accepted")
    return MailRefusedError("refused") if 500 <= code < 600 else MailUnavailableError("deferred")


def _by_status(status: int | None) -> Exception:
    # A wrong API key, an empty account or a quota is our fault: the mail is retried.
    if status in {400, 404, 406, 413, 422}:
        return MailRefusedError("refused")
    return MailUnavailableError("not_accepted" if status else "unreachable")


class SmtpBackend(DjangoSmtp):
    """Django's SMTP backend, which never connects inside a unit of work."""

    def open(self) -> bool | None:
        """Connect to the relay. Raises OutboundRefusedError inside a unit of work."""
        http_gateway.refuse_inside_a_unit()
        return super().open()


class BrevoBackend(AnymailBrevo):  # type: ignore[misc]  # anymail is untyped
    """Brevo's API through the egress gateway, with the mail's idempotency key.

    Brevo keeps a key for 15 to 30 minutes. A retry may come later, so it first queries whether Brevo has
    accepted a mail with the tag of this key.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            api_key=settings.BREVO_API_KEY, api_url=http_gateway.base_address("brevo"), **options
        )

    def create_session(self) -> requests.Session:
        """Return a session of the egress gateway."""
        return http_gateway.session("brevo")

    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        """Return the request body with the idempotency key; the mail's tags carry the key too."""
        payload = super().build_message_payload(message, defaults)
        # Brevo sets these headers itself and refuses them in a request.
        for name in ("Message-ID", "Date"):
            payload.data["headers"].pop(name, None)
        if isinstance(message, Mail):
            payload.data["headers"]["idempotencyKey"] = str(message.key)
        return payload

    def post_to_esp(self, payload: Any, message: Any) -> requests.Response:
        """Post the mail; a duplicate of its key counts as accepted."""
        if isinstance(message, Mail) and message.is_retry and self._was_accepted(message.key):
            return _accepted(message.key)
        try:
            response: requests.Response = super().post_to_esp(payload, message)
        except AnymailRequestsAPIError as answer:
            if isinstance(message, Mail) and _is_duplicate(answer.response):
                return _accepted(message.key)
            raise
        return response

    def _was_accepted(self, key: UUID) -> bool:
        answer = self.session.get(
            f"{self.api_url}smtp/statistics/events",
            params={"tags": json.dumps([key.hex]), "limit": 1},
            headers={"api-key": self.api_key},
        )
        self.raise_for_status(answer, None, None)
        return bool(answer.json().get("events"))


def _is_duplicate(response: requests.Response | None) -> bool:
    if response is None or response.status_code != 400:
        return False
    try:
        return bool(response.json().get("code") == "duplicate_parameter")
    except (ValueError, AttributeError):
        return False


def _accepted(key: UUID) -> requests.Response:
    response = requests.Response()
    response.status_code = 201
    response.raw = io.BytesIO(json.dumps({"messageId": key.hex}).encode())
    return response
