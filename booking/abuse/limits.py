"""Rate limits of anonymous requests by network and by address, per tenant, without storing either of them.

The keys of the counters hold the tenant. When the counters cannot be reached, no request is refused, so that
their failure does not stop a booking.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from booking.abuse.form_token import MIN_AGE
from tenants import client_address, rate_counters
from tenants.schema import current_unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most ``most`` requests in each fixed window of ``seconds``."""

    name: str
    most: int
    seconds: int


Hit = tuple[Limit, tuple[str, ...]]
"""A limit with the values that identify the visitor."""

FRONT = Limit("front", 120, 60)
"""Openings of the practice page, which reads the free slots: a full waiting room opens it a few times each."""
SLOTS = Limit("slots", 60, 60)
BOOKING_BY_PAIR = Limit("booking-pair", 10, 600)
"""Per pair of network and address, because town halls and clinics share one network."""
BOOKING_BY_NETWORK = Limit("booking-network", 60, 600)
RIGHTS_BY_ADDRESS = Limit("rights-address", 3, 86_400)
RIGHTS_BY_NETWORK = Limit("rights-network", 20, 86_400)
LINK_ERRORS = Limit("link-errors", 10, 3600)
CONTACT = Limit("contact", 10, 3600)
FEED = Limit("feed", 60, 600)
"""Per feed of an agenda: enough for several programs that read it every few minutes."""

CHOICES = Limit("choices", 120, 600)
"""Presses of a slot button of one network: a waiting room that hesitates, and no more."""

# What one network may do with one practice. A waiting room, a retirement home or a mobile carrier shares one, so
# that the first limits ask for work or patience, and only the last ones refuse (ADR 66).
BOOKED = Limit("booked", 6, 3600)
"""Bookings of an hour after which a network is busy: further forms carry a proof of work or take a while."""
SEEN = Limit("booked-seen", 6, 3600)
"""Confirmation pages that were opened: a browser follows the redirect, a program often does not."""
CHOSEN = Limit("chosen", 60, 3600)
"""Slots held in an hour without a booking after which a network is suspect."""
POINTS_PER_HOUR = Limit("points-hour", 24, 3600)
POINTS_PER_DAY = Limit("points-day", 48, 86_400)
"""A booking costs a point, one more when it was sent faster than a person reads, one more when suspect."""
PERSON = "person"
_FORM = Limit("booked-form", 1, 14_400)
_DAY = 86_400
_UNSEEN = 5
"""Bookings of an hour whose confirmation was not opened, after which a network is suspect."""
_CHOICES_PER_BOOKING = 4
"""Changes of mind that each booking excuses."""

_OWN_SIGNALS = Limit("suspects-network", 8, 600)
"""A network with this many refused forms in ten minutes is suspect."""
_ALL_SIGNALS = Limit("suspects", 30, 600)
"""A practice with this many refused forms in ten minutes is under attack."""
SLOW_WAY = timedelta(seconds=30)
"""The age of a form of a suspect network that is accepted without proof of work."""
PACE = timedelta(seconds=12)
"""The age of a form that is accepted without proof of work when others or neighbours are the reason to ask for it:
no person types a name and an address faster."""
_SHARE = 5
"""Refused forms of one network that count for the practice: six networks put it under attack, one never does."""


def network_of(request: HttpRequest) -> str:
    """Return the /24 or /64 network of the visitor, which is counted instead of the address."""
    return client_address.visitor_network(request)


@dataclass(frozen=True)
class NetworkCounts:
    """The counts of a network and of its practice: refused forms of ten minutes, the rest of the hour."""

    own_signals: int = 0
    all_signals: int = 0
    booked: int = 0
    seen: int = 0
    chosen: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether this network behaves like a program: refused forms, bookings unread, slots held for nothing."""
        return (
            self.own_signals >= _OWN_SIGNALS.most
            or self.booked - self.seen >= _UNSEEN
            or self.chosen - _CHOICES_PER_BOOKING * self.booked > CHOSEN.most
        )

    @property
    def needs_work(self) -> bool:
        """Whether forms carry a proof of work: a suspect or busy network, or a practice attacked from many."""
        return (
            self.is_suspect or self.booked >= BOOKED.most or self.all_signals >= _ALL_SIGNALS.most
        )

    @property
    def patience(self) -> timedelta:
        """The least age of a form that comes without proof of work."""
        if self.is_suspect:
            return SLOW_WAY
        return PACE if self.needs_work else MIN_AGE


NO_COUNTS = NetworkCounts()
"""A network of which nothing is known, or of which the counters cannot be read."""


@dataclass(frozen=True)
class RateLimitResult:
    """The answer of the counters: seconds until the next window, None within the limits; and the counts."""

    seconds_to_wait: int | None
    counts: NetworkCounts


def hit(*hits: tuple[Limit, Sequence[str]], network: str, now: datetime) -> RateLimitResult:
    """Count one request at each limit and read the counts of a network, in one trip to the counters.

    A hit is a limit with the values that identify the visitor.
    """
    keys = {_key(limit, subject, now): limit for limit, subject in hits}
    read = _keys_of_counts(network, now)
    try:
        found = rate_counters.count(
            {key: limit.seconds for key, limit in keys.items()}, read_keys=read
        )
    except rate_counters.Unavailable:
        logger.warning("limits not counted")
        return RateLimitResult(None, NO_COUNTS)
    waits = [_left(limit, now) for key, limit in keys.items() if found[key] > limit.most]
    return RateLimitResult(
        waits[0] if waits else None, NetworkCounts(*(found[key] for key in read))
    )


def counts_of(network: str, *, now: datetime) -> NetworkCounts:
    """Return the counts of a network; counts nothing."""
    return hit(network=network, now=now).counts


def seconds_to_wait(limit: Limit, *subject: str, now: datetime) -> int | None:
    """Count one request; return None within the limit, else the seconds until the next window."""
    key = _key(limit, subject, now)
    try:
        count = rate_counters.count({key: limit.seconds})[key]
    except rate_counters.Unavailable:
        logger.warning("limits not counted")
        return None
    return _left(limit, now) if count > limit.most else None


def record_abuse_signal(network: str, *, now: datetime) -> None:
    """Count a form that probably no person has sent: honeypot, time trap, forged token, limit.

    Counted for its network first; only the first few of a network count for the whole practice.
    """
    if _count(_OWN_SIGNALS, (network,), now=now) <= _SHARE:
        _count(_ALL_SIGNALS, (), now=now)


def record_choice(network: str, *, now: datetime) -> None:
    """Count a slot that is held for a form."""
    _count(CHOSEN, (network,), now=now)


def record_seen(network: str, appointment_ref: str, *, now: datetime) -> None:
    """Count a confirmation page that was opened from the network that has booked, once for each appointment."""
    if _count(SEEN, ("once", appointment_ref), now=now) == 1:
        _count(SEEN, (network,), now=now)


@dataclass(frozen=True)
class Allowance:
    """The counters of one booking: the points it costs its network, and what its person has booked from there.

    ``person_limit`` is the practice's own limit of bookings for each address of a person and day. Only bookings
    from the same network count, so that an answer says nothing about what others have booked (ADR 67).
    """

    network: str
    form: str
    points: int
    addresses: tuple[str, ...]
    person_limit: int

    def take(self, *, now: datetime) -> "Refusal | None":
        """Count the booking, once for each form; return why it is refused, and then count nothing."""
        amounts = self._amounts()
        keys = {hit: _key(*hit, now) for hit in amounts}
        try:
            found = rate_counters.add(_with_seconds(amounts, now))
        except rate_counters.Unavailable:
            logger.warning("limits not counted")
            return None
        is_repeated = found[keys[self._once]] > 1  # a second click of the form
        exceeded = [hit[0] for hit, key in keys.items() if found[key] > hit[0].most]
        exceeded = [limit for limit in exceeded if limit not in {BOOKED, _FORM}]
        if is_repeated or exceeded:
            self.give_back(now=now)
        if is_repeated or not exceeded:
            return None
        is_person = any(limit.name == PERSON for limit in exceeded)
        return Refusal(is_person=is_person, seconds=max(_left(limit, now) for limit in exceeded))

    def give_back(self, *, now: datetime) -> None:
        """Take the booking out of the counters again: it was refused, or its slot was taken."""
        _add(_with_seconds({hit: -amount for hit, amount in self._amounts().items()}, now))

    @property
    def _once(self) -> Hit:
        return _FORM, (self.form,)

    def _amounts(self) -> dict[Hit, int]:
        by_network = {POINTS_PER_HOUR: self.points, POINTS_PER_DAY: self.points, BOOKED: 1}
        return {
            self._once: 1,
            **{(limit, (self.network,)): amount for limit, amount in by_network.items()},
            **dict.fromkeys(_persons(self.network, self.addresses, self.person_limit), 1),
        }


def give_back_person(network: str, addresses: Sequence[str], *, now: datetime) -> None:
    """Let a person who has cancelled book again; the network has used its points all the same."""
    amounts = _with_seconds(dict.fromkeys(_persons(network, addresses, 0), -1), now)
    try:
        found = rate_counters.count({}, read_keys=amounts)
    except rate_counters.Unavailable:
        return
    # A cancellation from another network has nothing to give back there.
    _add({key: amount for key, amount in amounts.items() if found[key] > 0})


def _persons(network: str, addresses: Sequence[str], most: int) -> list[Hit]:
    return [(Limit(PERSON, most, _DAY), (network, address)) for address in addresses]


def _with_seconds(amounts: Mapping[Hit, int], now: datetime) -> dict[str, tuple[int, int]]:
    return {
        _key(limit, subject, now): (amount, limit.seconds)
        for (limit, subject), amount in amounts.items()
    }


@dataclass(frozen=True)
class Refusal:
    """A booking that its network, or its person from this network, may no longer make for so many seconds."""

    is_person: bool
    seconds: int


def _keys_of_counts(network: str, now: datetime) -> list[str]:
    """Return the keys of NetworkCounts, in the order of its fields."""
    by_network = [_key(limit, (network,), now) for limit in (BOOKED, SEEN, CHOSEN)]
    return [_key(_OWN_SIGNALS, (network,), now), _key(_ALL_SIGNALS, (), now), *by_network]


def _count(limit: Limit, subject: Sequence[str], *, now: datetime) -> int:
    """Count one at a limit and return the new count; 0 when the counters cannot be reached."""
    key = _key(limit, subject, now)
    try:
        return rate_counters.count({key: limit.seconds})[key]
    except rate_counters.Unavailable:
        logger.warning("limits not counted")
        return 0


def _add(amounts: Mapping[str, tuple[int, int]]) -> None:
    try:
        rate_counters.add(amounts)
    except rate_counters.Unavailable:
        logger.warning("limits not counted")


def _left(limit: Limit, now: datetime) -> int:
    return limit.seconds - int(now.timestamp()) % limit.seconds


def _key(limit: Limit, subject: Sequence[str], now: datetime) -> str:
    """Return the key of a counter: a keyed hash whose salt changes every day, so that no visitor is tracked."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    window = int(now.timestamp()) // limit.seconds
    salt = f"booking.abuse.limits|{schema}|{now:%Y-%m-%d}"
    digest = salted_hmac(salt, "|".join((limit.name, *subject)), algorithm="sha256").hexdigest()
    return f"limit:{schema}:{limit.name}:{window}:{digest[:24]}"


def network_index(request: HttpRequest) -> bytes:
    """Return 32 bytes, specific to this tenant, by which the holds of a network are counted."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    keyed = salted_hmac(f"booking.network|{schema}", network_of(request), algorithm="sha256")
    return hashlib.sha256(keyed.digest()).digest()
