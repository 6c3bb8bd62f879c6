"""SMS: the GSM-7 alphabet, texts of one message, and the client of a gateway (off by default)."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Protocol
from uuid import UUID

import requests
from django.conf import settings

from tenants import http_gateway

ONE_MESSAGE = 160
"""Septets of one SMS; a longer text is sent and billed as two."""

# 3GPP TS 23.038, default alphabet.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("\f^{}\\[~]|€")

# Characters of French that the alphabet lacks and that have no base letter without the accent.
_REPLACED = str.maketrans(
    {
        "œ": "oe",
        "Œ": "OE",
        "’": "'",
        "‘": "'",
        "«": '"',
        "»": '"',
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
        "…": "...",
        "\u00a0": " ",
        "\u202f": " ",
        "ø": "o",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
    }
)


class SmsUnavailableError(Exception):
    """The gateway did not accept the message now; ``str()`` is a code without number or text."""


class SmsRefusedError(Exception):
    """The gateway refuses the message for good; ``str()`` is a code without number or text."""


class Gateway(Protocol):
    """A sender of SMS; `key` identifies the message in each retry."""

    def send(self, *, number: str, text: str, key: UUID, is_retry: bool) -> None:
        """Send one message to an E.164 number, outside any unit of work; return once it is accepted.

        Raises SmsUnavailableError or SmsRefusedError.
        """


def septets(text: str) -> int | None:
    """Return the length in GSM-7 septets, escapes counted twice; None when the alphabet lacks a character."""
    if not all(character in _BASIC or character in _ESCAPED for character in text):
        return None
    return len(text) + sum(character in _ESCAPED for character in text)


def transliterate(text: str) -> str:
    """Return the nearest text in GSM-7 without characters of two septets: "Benoît" gives "Benoit"."""
    found = []
    for character in unicodedata.normalize("NFC", text).translate(_REPLACED):
        if character in _BASIC:
            found.append(character)
            continue
        bare = "".join(part for part in unicodedata.normalize("NFKD", character) if part in _BASIC)
        found.append(bare or ("" if unicodedata.combining(character) else "?"))
    return "".join(found)


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters of the text, cut between two words where possible."""
    if len(text) <= most:
        return text
    cut = text[: most + 1].rpartition(" ")[0] or text[:most]
    return cut.rstrip(" ,;-.")


def compose(template: str, *, practitioner: str, link: str, **values: str) -> str:
    """Return a template filled with `{practitioner}`, `{link}` and values, in at most one message.

    The name is shortened: 35 septets at most, fewer when the link is long. Raises ValueError when no
    readable part of the name is left.
    """
    name = transliterate(practitioner)
    fixed = septets(transliterate(template.format(practitioner="", link="", **values)))
    size = septets(link)
    if fixed is None or size is None:
        raise ValueError("not in the alphabet")
    room = min(35, ONE_MESSAGE - fixed - size)
    if room < min(8, len(name)):
        raise ValueError("the link is too long")
    text = template.format(practitioner=shortened(name, room), link=link, **values)
    return transliterate(text)


def gateway() -> Gateway | None:
    """Return the gateway of the settings; None when SMS are off for all practices."""
    return BrevoGateway() if settings.SMS_GATEWAY == "brevo" else None


class BrevoGateway:
    """Brevo's transactional SMS.

    Brevo has no idempotency key for SMS. A retry therefore asks first whether a message with the tag was
    accepted; a duplicate stays possible only until Brevo reports an accepted message.
    """

    def send(self, *, number: str, text: str, key: UUID, is_retry: bool) -> None:
        """Send one message; see Gateway."""
        with http_gateway.session("brevo") as session:
            session.headers.update(
                {"api-key": settings.BREVO_API_KEY, "accept": "application/json"}
            )
            if is_retry and self._was_taken(session, key):
                return
            _answer(
                session,
                "POST",
                "transactionalSMS/send",
                json={
                    "sender": _sender(settings.SMS_SENDER),
                    "recipient": number.removeprefix("+"),
                    "content": text,
                    "type": "transactional",
                    "tag": key.hex,
                    "unicodeEnabled": False,
                },
            )

    def _was_taken(self, session: requests.Session, key: UUID) -> bool:
        answer = _answer(
            session,
            "GET",
            "transactionalSMS/statistics/events",
            params={"tags": json.dumps([key.hex]), "limit": 1},
        )
        return bool(answer.json().get("events"))


def _sender(name: str) -> str:
    """Return the name as at most eleven letters and digits, the limit for names of senders."""
    return re.sub(r"[^A-Za-z0-9]", "", transliterate(name))[:11]


def _answer(
    session: requests.Session, method: str, path: str, **options: object
) -> requests.Response:
    try:
        answer = session.request(method, http_gateway.base_address("brevo") + path, **options)  # type: ignore[arg-type]  # options are requests' own
    except requests.RequestException:
        raise SmsUnavailableError("unreachable") from None
    if answer.status_code in {400, 404, 406, 422}:
        raise SmsRefusedError("refused")
    if not answer.ok:
        raise SmsUnavailableError("not_accepted")
    return answer
