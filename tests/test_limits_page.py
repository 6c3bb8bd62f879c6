"""docs/limits.md states every limit with the value that the code has."""

import re
from datetime import timedelta

from django.conf import settings

from booking.abuse import form_token, limits
from booking.abuse.limits import Limit
from booking.models.practice import DEFAULT_SMS_A_MONTH, MOST_SMS_A_MONTH
from booking.scheduling import slots
from config import request_body, web_worker
from config.devtools.processes import ROOT
from tenants import form_fields, query_parameters
from tenants.accounts import hashers, network_tries, passwords
from tenants.accounts import limits as account_limits
from tenants.accounts.models.membership import LONGEST_REPLACEMENT
from tenants.accounts.network_tries import TryLimit
from tenants.accounts.services import addresses, codes, invitations, password_links, sessions
from tenants.outbox import kinds, message_limits
from tenants.outbox.kinds import MessageBound
from tenants.provisioning.build import _LOGIN_SETTINGS
from tenants.website import picture_process, pictures

UNITS = {1: "second", 60: "minute", 3_600: "hour", 86_400: "day"}
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def lasting(span: timedelta | float) -> str:
    """Return a span in its largest whole unit: ``30 minutes``."""
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    unit = max(unit for unit in UNITS if seconds % unit == 0)
    count = seconds // unit
    return f"{count} {UNITS[unit]}{'' if count == 1 else 's'}"


def per(most: int, seconds: int) -> str:
    """Return a number with its window: ``20 a minute``, ``10 in 10 minutes``."""
    if seconds not in UNITS:
        return f"{most} in {lasting(seconds)}"
    return f"{most} {'an' if seconds == 3_600 else 'a'} {UNITS[seconds]}"


def window(*found: Limit | TryLimit) -> str:
    return ", ".join(per(limit.most, limit.seconds) for limit in found)


def rates(bound: MessageBound, scope: str, *, by_member: bool = False) -> str:
    chosen = bound.by_member if by_member else bound.by_visitor
    return ", ".join(per(rate.most, rate.seconds) for rate in chosen if rate.scope == scope)


def mebibytes(count: int) -> str:
    return f"{count // 1024**2} MiB"


def arriving(size: str, seconds: float) -> str:
    return f"{size} in {lasting(seconds)}"


def deadline(name: str) -> str:
    return lasting(int(dict(_LOGIN_SETTINGS)[name].removesuffix("s")))


def millions(count: int) -> str:
    return f"{count // 10**6} million"


ACCOUNTS = {
    "characters of a password": (
        f"{passwords.MIN_LENGTH} to {form_fields.LONGEST_PASSWORD}, or {passwords.MIN_WORDS} words"
    ),
    "wrong passwords of one account from one network": f"{account_limits.NETWORK_LIMIT}",
    "the same while other networks fail": f"{account_limits.NETWORK_LIMIT_UNDER_ATTACK}",
    "the wait after them, doubled by each further one": (
        f"{lasting(account_limits.FIRST_LOCK)} to {lasting(account_limits.LONGEST_LOCK)}"
    ),
    "tries of one address, over all practices": window(*network_tries.LIMITS[:2]),
    "tries of the /24 or /48 around it": window(*network_tries.LIMITS[2:]),
    "wrong codes of one account": f"{codes.MOST_FAILURES} in {lasting(codes.FAILURES_WITHIN)}",
    "a session without use": lasting(sessions.IDLE_FOR),
    "a session, however it is used": lasting(sessions.LONGEST),
    "sessions of one account": "not limited; a page lists them and ends each",
    "links to a new password, for one account": per(password_links.MOST_A_DAY, 86_400),
    "links to a new password, asked by one address": window(network_tries.LINK_LIMITS[0]),
    "changes of the address of one account": per(addresses.MOST_A_DAY, 86_400),
    "validity of a link to a new address": lasting(addresses.VALID_FOR),
    "validity of the way back from it": lasting(addresses.UNDO_FOR),
    "invitations of a practice": per(invitations.MOST_A_DAY, 86_400),
    "invitations of one person": per(invitations.MOST_A_DAY_TO_ONE, 86_400),
    "validity of an invitation": lasting(invitations.VALID_FOR),
    "a replacement": lasting(LONGEST_REPLACEMENT),
}
REQUESTS = {
    "the head of a request": arriving(
        f"{web_worker.MOST_HEAD_BYTES // 1024} KiB", web_worker.HEAD_SECONDS
    ),
    "a form": arriving(f"{request_body.MOST_BYTES // 1024} KiB", web_worker.BODY_SECONDS),
    "a form with a picture": arriving(
        mebibytes(request_body.MOST_PICTURE_BYTES), web_worker.PICTURE_SECONDS
    ),
    "fields of a form, parameters of an address": f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS}",
    "files of a form": f"{settings.DATA_UPLOAD_MAX_NUMBER_FILES}",
    "parameters of an address that are read, characters of one": (
        f"{query_parameters.MOST_VALUES}, {query_parameters.MOST_CHARACTERS}"
    ),
    "pictures that a process receives at once": f"{web_worker.MOST_PICTURES}",
    "pictures that have a thread of a process at once": f"{web_worker.MOST_PICTURES_SERVED}",
    "connections of a process that wait": f"{web_worker.MOST_WAITING}",
    "a thread for one request": lasting(web_worker.SERVED_SECONDS),
    "a statement of the database": deadline("statement_timeout"),
    "a lock of the database that is waited for": deadline("lock_timeout"),
    "password hashes at once on a machine": f"{len(hashers.HASHING._holding._names)}",
    "requests that wait for one of them": f"{len(hashers.HASHING._waiting._names)}",
    "the file of a picture": f"{mebibytes(pictures.MOST_BYTES)}, {pictures.MOST_SIDE:,} pixels a side",
    "pixels of a JPEG, of another picture": (
        f"{millions(pictures.MOST_PIXELS)}, {millions(pictures.MOST_PIXELS_WHOLE)}"
    ),
    "the process that encodes a picture": arriving(
        mebibytes(picture_process.MOST_MEMORY), picture_process.SECONDS
    ),
}
VISITORS = {
    "openings of the practice page": window(limits.FRONT),
    "pages of slots": window(limits.SLOTS),
    "presses of a slot": window(limits.CHOICES),
    "slots held at once": f"{slots.HOLDS_PER_NETWORK}",
    "the same for a suspect network": f"{slots.HOLDS_OF_A_SUSPECT}",
    "how long a slot is held": lasting(slots.HOLD_FOR),
    "the age of a form": f"{lasting(form_token.MIN_AGE)} to {lasting(form_token.MAX_AGE)}",
    "bookings before forms take work or time": window(limits.BOOKED),
    "the time of such a form without the work": lasting(limits.PACE),
    "the time of the form of a suspect network": lasting(limits.SLOW_WAY),
    "points of bookings": window(limits.POINTS_PER_HOUR, limits.POINTS_PER_DAY),
    "forms with one address": window(limits.BOOKING_BY_PAIR),
    "forms of a network": window(limits.BOOKING_BY_NETWORK),
    "corrections of one appointment": window(limits.CONTACT),
    "lost links, for one address": window(limits.RIGHTS_BY_ADDRESS),
    "lost links, asked by one network": window(limits.RIGHTS_BY_NETWORK),
    "links that open nothing": window(limits.LINK_ERRORS),
    "readings of one calendar feed": window(limits.FEED),
}
MESSAGES = {
    "about one appointment or entry, by visitors": rates(kinds.ON_REQUEST, "subject"),
    "to one address, by visitors": rates(kinds.ON_REQUEST, "recipient"),
    "by one network": rates(kinds.ON_REQUEST, "network"),
    "of one practice, by visitors": rates(kinds.ON_REQUEST, "practice"),
    "offers to one person who waits": rates(kinds.OFFERED, "recipient"),
    "to one practitioner, by visitors": rates(kinds.TO_THE_PRACTICE, "recipient"),
    "about one appointment or entry, by members": rates(
        kinds.ON_REQUEST, "subject", by_member=True
    ),
    "to one address, by members": rates(kinds.ON_REQUEST, "recipient", by_member=True),
    "of one practice, by members": rates(kinds.ON_REQUEST, "practice", by_member=True),
    "SMS of one practice in a calendar month": (
        f"{DEFAULT_SMS_A_MONTH} at first, {MOST_SMS_A_MONTH:,} at most"
    ),
    "of one practice while Redis is down": per(message_limits.WITHOUT_COUNTERS, 3_600),
}


def test_the_page_of_limits_states_what_the_code_has() -> None:
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    stated = [row for row in ROW.findall(page) if row[0] not in {"what", "---"}]

    assert stated == [
        row for part in (ACCOUNTS, REQUESTS, VISITORS, MESSAGES) for row in part.items()
    ]
