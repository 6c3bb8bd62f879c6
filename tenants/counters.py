"""Counters that many processes share and that may be lost: in Redis, one trip for all that a request asks.

Keys name the tenant by themselves and never a person. Django's cache would take two trips a counter.
"""

import threading
from collections.abc import Iterable, Mapping

import redis
from django.conf import settings

Unavailable = (redis.RedisError, ConnectionError)
"""What is raised while Redis is away."""
_PATIENCE = 1.0


_clients: dict[str, redis.Redis] = {}
_making = threading.Lock()


def _client(url: str) -> redis.Redis:
    """Return the one client of this process for an address: one that is dropped cuts its connections."""
    with _making:
        if url not in _clients:
            # A page does not wait for a counter: past a second it counts as away.
            _clients[url] = redis.Redis.from_url(
                url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
            )
        return _clients[url]


def count(seconds_by_key: Mapping[str, int], *, look_at: Iterable[str] = ()) -> dict[str, int]:
    """Add one to each key, which lives that many seconds from its first count, and read others.

    Returns the values by key, after counting; 0 for what does not exist. Raises ``Unavailable``.
    """
    looked_at = tuple(look_at)
    with _client(settings.REDIS_URL).pipeline(transaction=False) as trip:
        for key, seconds in seconds_by_key.items():
            trip.set(key, 0, ex=seconds, nx=True)
            trip.incr(key)
        if looked_at:
            trip.mget(looked_at)
        answers = trip.execute()
    counted = dict(zip(seconds_by_key, answers[1::2], strict=False))
    read = dict(zip(looked_at, answers[-1], strict=True)) if looked_at else {}
    return counted | {key: int(value or 0) for key, value in read.items()}
