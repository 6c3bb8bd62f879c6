"""Handing over one e-mail: by any SMTP relay, or by Brevo's interface, which knows our key.

A mail has a key, the ref of its outbox entry. Retried, it is the same mail: the Message-ID is made
from the key, and a provider that honours idempotency keys sends it once.
"""

from __future__ import annotations

import json
import smtplib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import requests
from anymail.backends.brevo import EmailBackend as AnymailBrevo
from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as DjangoSmtp

from tenants import outbound


class MailUnavailableError(Exception):
    """The relay did not take the mail now; the message is a code without address or content."""


class MailRefusedError(Exception):
    """The relay will never take this mail; the message is a code without address or content."""


class Mail(EmailMultiAlternatives):
    """One mail to one person, with the key that makes a retry recognisable."""

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


def hand_over(mail: Mail) -> None:
    """Give one mail to the relay, outside any unit; return once it has accepted it.

    Raises MailUnavailableError or MailRefusedError without the cause: its text names the person.
    """
    outbound.refuse_inside_a_unit()
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
    except (smtplib.SMTPException, AnymailError, requests.RequestException, OSError):
        raise MailUnavailableError("unreachable") from None


def _by_code(code: int) -> Exception:
    # Only what is said of this person or this content is final. A greeting, a login or a sender that
    # is refused is ours to mend, and falls among the other SMTP errors: the mail waits.
    if 500 <= code < 600 and code != 530:
        return MailRefusedError("refused")
    return MailUnavailableError("deferred")


def _by_status(status: int | None) -> Exception:
    # A wrong key or an empty account is ours to mend: the mail waits.
    if status in {400, 404, 406, 413, 422}:
        return MailRefusedError("refused")
    return MailUnavailableError("deferred" if status else "unreachable")


class SmtpBackend(DjangoSmtp):
    """Django's SMTP, which never opens inside a unit of work."""

    def open(self) -> bool | None:
        """Connect, unless a page or a transaction would wait for it."""
        outbound.refuse_inside_a_unit()
        return super().open()


class BrevoBackend(AnymailBrevo):  # type: ignore[misc]  # anymail is untyped
    """Brevo's interface through the gate, with our key.

    Brevo keeps a key for 15 to 30 minutes. A retry may come later than that, so it first asks
    whether a mail with our tag was taken.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            api_key=settings.BREVO_API_KEY, api_url=outbound.base_address("brevo"), **options
        )

    def create_session(self) -> requests.Session:
        """The gate's session instead of a bare one."""
        return outbound.session("brevo")

    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        """Brevo's body, with the key and the tag by which the mail can be found again."""
        payload = super().build_message_payload(message, defaults)
        # Brevo writes its own, and refuses to be given these.
        for name in ("Message-ID", "Date"):
            payload.data["headers"].pop(name, None)
        if isinstance(message, Mail):
            payload.data["headers"]["idempotencyKey"] = str(message.key)
        return payload

    def post_to_esp(self, payload: Any, message: Any) -> requests.Response:
        """Post, and read a duplicate of our key as what it is: taken already."""
        if isinstance(message, Mail) and message.is_retry and self._was_taken(message.key):
            return _taken(message.key)
        try:
            response: requests.Response = super().post_to_esp(payload, message)
        except AnymailRequestsAPIError as answer:
            if isinstance(message, Mail) and _is_duplicate(answer.response):
                return _taken(message.key)
            raise
        return response

    def _was_taken(self, key: UUID) -> bool:
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


def _taken(key: UUID) -> requests.Response:
    response = requests.Response()
    response.status_code = 201
    response._content = json.dumps({"messageId": key.hex}).encode()  # noqa: SLF001  # as requests' own tests do
    return response
