"""Checks that the message broker and the cache respond within a second."""

from django.conf import settings

TIMEOUT_SECONDS = 1.0


def is_reachable() -> bool:
    """Return whether the broker of BROKER_URL responds; any error counts as False."""
    url = settings.BROKER_URL
    if url.startswith("stub"):
        return True
    try:
        if url.startswith("amqp"):
            _ping_rabbitmq(url)
        else:
            _ping_redis(url)
    except Exception:  # noqa: BLE001  # each client library has its own errors
        return False
    return True


def _ping_redis(url: str) -> None:
    import redis  # optional: only when it is the broker

    options = {"socket_timeout": TIMEOUT_SECONDS}
    if not url.startswith("unix"):
        options["socket_connect_timeout"] = TIMEOUT_SECONDS
    with redis.Redis.from_url(url, **options) as client:
        client.ping()


def is_cache_reachable() -> bool:
    """Return whether the Redis of the cache responds; any error counts as False."""
    try:
        _ping_redis(settings.REDIS_URL)
    except Exception:  # noqa: BLE001  # the client library has its own errors
        return False
    return True


def _ping_rabbitmq(url: str) -> None:
    import pika  # optional: only when it is the broker

    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = TIMEOUT_SECONDS
    parameters.connection_attempts = 1
    pika.BlockingConnection(parameters).close()
