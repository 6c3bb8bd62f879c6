"""Rate counters in Redis, shared by all processes; a loss of the data is acceptable.

A request reads and increments all its counters in one round trip; Django's cache needs two per counter.
Callers include the tenant in each key and never a person.
"""

import threading
from collections.abc import Iterable, Mapping

import redis
from django.conf import settings

Unavailable = (redis.RedisError, ConnectionError)
"""The errors of an unavailable Redis."""
_PATIENCE = 1.0


_clients: dict[str, redis.Redis] = {}
_making = threading.Lock()


def _client(url: str) -> redis.Redis:
    """Return the client of this process for an address; a discarded client would close its connections."""
    with _making:
        if url not in _clients:
            # A page waits at most one second for a counter.
            _clients[url] = redis.Redis.from_url(
                url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
            )
        return _clients[url]


def count(seconds_by_key: Mapping[str, int], *, read_keys: Iterable[str] = ()) -> dict[str, int]:
    """Increment each key of ``seconds_by_key`` and read ``read_keys``; return the values by key.

    A key expires that many seconds after its first increment; a missing key counts 0. Raises ``Unavailable``.
    """
    keys = tuple(read_keys)
    with _client(settings.REDIS_URL).pipeline(transaction=False) as trip:
        for key, seconds in seconds_by_key.items():
            trip.set(key, 0, ex=seconds, nx=True)
            trip.incr(key)
        if keys:
            trip.mget(keys)
        answers = trip.execute()
    counted = dict(zip(seconds_by_key, answers[1::2], strict=False))
    read = dict(zip(keys, answers[-1], strict=True)) if keys else {}
    return counted | {key: int(value or 0) for key, value in read.items()}


# A counter that has expired meanwhile must not begin again below zero, without an expiry.
_GIVE_BACK = "for _, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end end"


def give_back(keys: Iterable[str]) -> None:
    """Decrement keys that were incremented for something that does not count. Raises ``Unavailable``."""
    names = tuple(keys)
    _client(settings.REDIS_URL).eval(_GIVE_BACK, len(names), *names)


def add(amounts: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Add an amount, which may be negative, to each key; return the new values by key.

    ``amounts`` has (amount, seconds) by key; a key expires that many seconds after its first change. Raises
    ``Unavailable``.
    """
    if not amounts:
        return {}
    with _client(settings.REDIS_URL).pipeline(transaction=False) as trip:
        for key, (amount, seconds) in amounts.items():
            trip.set(key, 0, ex=seconds, nx=True)
            trip.incrby(key, amount)
        answers = trip.execute()
    return dict(zip(amounts, answers[1::2], strict=True))
