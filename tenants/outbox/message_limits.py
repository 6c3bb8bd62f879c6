"""Bounds what anybody can make us write to a person: messages by subject, recipient, network and practice.

How to use it. A kind of entry declares its ``MessageBound`` (``tenants.outbox.kinds``), and ``services.write``
calls ``admits`` for each delivery of a kind with rates. A delivery beyond a rate is stored as not sent, with the
reason ``LIMITED``: the act holds, no message leaves, and the page must say so. ``services.is_limited`` says it of
the entries that ``write`` returned. The caller names the recipient by ``recipient_key``, or by "" without an
address: ``Due(kind, subject, payload, now, recipient=recipient_key(address))``.

Who acts is known from the request: ``UnitOfWork`` counts each request as one of a visitor of its network, and a
page that has checked a member's right runs its view in ``by_member()``. Work outside a request is not counted: its
entries follow from an act that was counted, or from the clock.

The counters are in Redis; their keys hold the tenant and a keyed hash. When Redis does not answer, the entries of
the last hour in the outbox are counted instead, by subject and for the practice.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from tenants import rate_counters
from tenants.outbox.delivery import registered_kinds
from tenants.outbox.kinds import MessageBound, MessageRate, OutboxKind, Subject
from tenants.outbox.models import OutboxEntry
from tenants.schema import current_schema

LIMITED = "limited"
"""The reason of an entry that was not sent because too many messages had left."""
WITHOUT_COUNTERS = 120
"""The most messages of a practice in an hour while the counters are unavailable."""
_PREFIX = "message"
_HOUR = timedelta(hours=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MessageSender:
    """The author of a request: a visitor of a network (/24 or /64), or a member of the practice."""

    network: str = ""
    is_member: bool = False


_sender: ContextVar[MessageSender | None] = ContextVar("message_sender", default=None)


@contextmanager
def by_visitor(network: str) -> Iterator[None]:
    """Count the messages of the block as those of an anonymous visitor from ``network``."""
    with _sent_by(MessageSender(network)):
        yield


@contextmanager
def by_member() -> Iterator[None]:
    """Count the messages of the block as those of a member whose right has been checked."""
    with _sent_by(MessageSender(is_member=True)):
        yield


@contextmanager
def _sent_by(sender: MessageSender) -> Iterator[None]:
    token = _sender.set(sender)
    try:
        yield
    finally:
        _sender.reset(token)


def recipient_key(address: str) -> str:
    """Return a keyed hash of an e-mail address or a number, in any capitals, for ``Due.recipient``."""
    salt = f"tenants.outbox.recipient|{current_schema()}"
    same = address.strip().casefold()
    return salted_hmac(salt, same, algorithm="sha256").hexdigest() if same else ""


def admits(kind: OutboxKind[object], subject: Subject, *, recipient: str, now: datetime) -> bool:
    """Count a message and return whether it may leave; one that may not is not counted.

    ``recipient`` is a keyed hash, or "" for none. Outside a request each message may leave.
    """
    sender = _sender.get()
    if sender is None:
        return True
    bound = kind.bound
    rates = bound.by_member if sender.is_member else bound.by_visitor
    values = {
        "subject": f"{subject.type}.{subject.id}",
        "recipient": recipient,
        "network": sender.network,
        "practice": "all",
    }
    counted_as = "member" if sender.is_member else "visitor"
    keys = {
        _key(counted_as, bound, rate, values[rate.scope], now=now): rate
        for rate in rates
        if values[rate.scope]
    }
    return _count(keys, subject, now=now) if keys else True


def _count(keys: dict[str, MessageRate], subject: Subject, *, now: datetime) -> bool:
    try:
        found = rate_counters.count({key: rate.seconds for key, rate in keys.items()})
        if all(found[key] <= rate.most for key, rate in keys.items()):
            return True
        # What did not leave counts for nobody: a refused act must not use up the practice's messages.
        rate_counters.give_back(keys)
    except rate_counters.Unavailable:
        logger.warning("messages not counted")
        return _may_leave_uncounted(list(keys.values()), subject, now=now)
    return False


def _may_leave_uncounted(rates: Sequence[MessageRate], subject: Subject, *, now: datetime) -> bool:
    """Return whether the entries of the last hour leave room, by subject and for the practice."""
    recent = OutboxEntry.objects.filter(created_at__gt=now - _HOUR).exclude(reason=LIMITED)
    per_subject = min((rate.most for rate in rates if rate.scope == "subject"), default=None)
    if per_subject is not None:
        of_subject = recent.filter(subject_type=subject.type, subject_id=subject.id)
        if of_subject.filter(kind__in=_counted_kinds()).count() >= per_subject:
            return False
    return recent.filter(kind__in=_counted_kinds()).count() < WITHOUT_COUNTERS


def _counted_kinds() -> list[str]:
    return [kind for kind in registered_kinds() if kind.bound.by_visitor]


def _key(
    counted_as: str, bound: MessageBound, rate: MessageRate, value: str, *, now: datetime
) -> str:
    """Return the key of a counter; subject and recipient have one for each name of bounds."""
    schema = current_schema()
    name = bound.name if rate.scope in {"subject", "recipient"} else "any"
    window = int(now.timestamp()) // rate.seconds
    salt = f"tenants.outbox.message_limits|{schema}|{window}"
    digest = salted_hmac(salt, value, algorithm="sha256").hexdigest()[:24]
    return f"{_PREFIX}:{schema}:{counted_as}:{name}:{rate.scope}:{rate.seconds}:{digest}"
