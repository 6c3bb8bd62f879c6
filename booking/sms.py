"""SMS: the alphabet that fits in one message, and the port to a gateway (off by default)."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Protocol
from uuid import UUID

import requests
from django.conf import settings

from tenants import outbound

ONE_MESSAGE = 160
"""Septets of one SMS; past it the message is cut in two and paid twice."""

# 3GPP TS 23.038, default alphabet.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("\f^{}\\[~]|€")

# What French writes and the alphabet lacks, where dropping the accent is not enough.
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
    """The gateway did not take the message now; the message is a code without number or text."""


class SmsRefusedError(Exception):
    """The gateway will never take this message; the message is a code without number or text."""


class Gateway(Protocol):
    """What sends an SMS; `key` names the message for ever, so that a retry is recognised."""

    def send(self, *, number: str, text: str, key: UUID, is_retry: bool) -> None:
        """Hand over one message to an E.164 number, outside any unit; return once accepted."""


def septets(text: str) -> int | None:
    """Length in GSM-7 septets, escapes counted twice; None when the alphabet lacks a character."""
    if not all(character in _BASIC or character in _ESCAPED for character in text):
        return None
    return len(text) + sum(character in _ESCAPED for character in text)


def transliterate(text: str) -> str:
    """The nearest text in GSM-7, without characters that cost two: "Benoît" gives "Benoit"."""
    found = []
    for character in unicodedata.normalize("NFC", text).translate(_REPLACED):
        if character in _BASIC:
            found.append(character)
            continue
        bare = "".join(part for part in unicodedata.normalize("NFKD", character) if part in _BASIC)
        found.append(bare or ("" if unicodedata.combining(character) else "?"))
    return "".join(found)


def shortened(text: str, most: int) -> str:
    """At most `most` characters, cut between two words where there is one to cut at."""
    if len(text) <= most:
        return text
    cut = text[: most + 1].rpartition(" ")[0] or text[:most]
    return cut.rstrip(" ,;-.")


def compose(template: str, *, practitioner: str, link: str, **values: str) -> str:
    """Fill a template with `{practitioner}`, `{link}` and values; never above one message.

    The name gives way: 35 septets at most, fewer when the link is long. ValueError when nothing
    readable is left of it.
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
    """The gateway of these settings, None where SMS are off for everybody."""
    return BrevoGateway() if settings.SMS_GATEWAY == "brevo" else None


class BrevoGateway:
    """Brevo's transactional SMS.

    Its interface has no idempotency key for SMS: a retry first asks whether a message with our tag
    was taken, so what remains is the time between taking a message and reporting it.
    """

    def send(self, *, number: str, text: str, key: UUID, is_retry: bool) -> None:
        """Hand over one message; see Gateway."""
        with outbound.session("brevo") as session:
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
    """Eleven letters and digits at most: what phones accept as a name."""
    return re.sub(r"[^A-Za-z0-9]", "", transliterate(name))[:11]


def _answer(
    session: requests.Session, method: str, path: str, **options: object
) -> requests.Response:
    try:
        answer = session.request(method, outbound.base_address("brevo") + path, **options)  # type: ignore[arg-type]  # options are requests' own
    except requests.RequestException:
        raise SmsUnavailableError("unreachable") from None
    if answer.status_code in {400, 404, 406, 422}:
        raise SmsRefusedError("refused")
    if not answer.ok:
        raise SmsUnavailableError("deferred")
    return answer
