"""The message broker and its actors. Messages carry a schema and ids, no personal data (design section 6)."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, cast

import dramatiq
import structlog
from django.conf import settings
from django.db import close_old_connections
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Callbacks, Retries, ShutdownNotifications, TimeLimit

from tenants.schema import PUBLIC, Unit, tenant_unit

log = structlog.get_logger("broker")


class WrongStampError(ValueError):
    """A message whose actor, schema or arguments do not match its stamp."""


class CloseConnections(dramatiq.Middleware):
    """Closes broken or aged database connections before and after each message."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        """Close connections older than CONN_MAX_AGE."""
        close_old_connections()

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: Any = None
    ) -> None:
        """Close connections that the actor has broken."""
        close_old_connections()


def build_broker(url: str) -> dramatiq.Broker:
    """Return the broker of ``url``: Redis, AMQP, or ``stub://`` for unit tests."""
    middleware = [
        AgeLimit(),
        TimeLimit(),
        ShutdownNotifications(),
        Callbacks(),
        Retries(),
        CloseConnections(),
    ]
    if url.startswith("stub"):
        return StubBroker(middleware=middleware)
    if url.startswith("amqp"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # optional service

        return RabbitmqBroker(url=url, middleware=middleware)
    from dramatiq.brokers.redis import RedisBroker  # optional service

    return cast("dramatiq.Broker", cast("Any", RedisBroker)(url=url, middleware=middleware))


def _stamp(name: str, schema: str, args: tuple[object, ...]) -> str:
    body = repr((name, schema, args)).encode()
    return hmac.new(settings.SECRET_KEY.encode(), b"broker|" + body, hashlib.sha256).hexdigest()


def _unit_of(schema: str) -> Unit:
    return PUBLIC if schema == PUBLIC.schema else tenant_unit(schema)


def _declare(func: Callable[..., None], **options: Any) -> Any:
    # dramatiq's overloads only type the use as a decorator.
    return cast("Any", dramatiq.actor)(func, **options)


class TenantActor:
    """An actor for one schema: ``send(schema, *ids)``. An unavailable broker is logged and raises nothing."""

    def __init__(self, func: Callable[..., None], **options: Any) -> None:
        self.func = func
        self.name = f"{func.__module__}.{func.__name__}"
        self.actor = _declare(self._run, actor_name=self.name, broker=broker, **options)

    def send(self, schema: str, *args: str | int) -> None:
        """Enqueue a message with a stamp. When the broker is unavailable, the next sweep does the work.

        Inside a unit use ``enqueue_on_commit(actor.send, ...)``, so that the worker finds the committed rows.
        """
        try:
            self.actor.send(schema, _stamp(self.name, schema, args), *args)
        except Exception as error:  # noqa: BLE001  # an error of the broker does not undo a commit
            log.warning(
                "enqueue_failed", actor=self.name, schema=schema, error=type(error).__name__
            )

    def _run(self, schema: str, stamp: str, *args: str | int) -> None:
        from tenants.routing import is_served  # models are not ready at import

        if not hmac.compare_digest(stamp, _stamp(self.name, schema, args)):
            raise WrongStampError(self.name)
        unit = _unit_of(schema)
        if unit.is_tenant and not is_served(schema):
            log.warning("tenant_not_served", actor=self.name, schema=schema)
            return
        self.func(unit, *args)


def tenant_actor(**options: Any) -> Callable[[Callable[..., None]], TenantActor]:
    """Declare an actor whose first argument is the Unit of the message's schema; the stamp is verified.

    The function enters ``inside(unit)`` itself, because part of its work may run outside a transaction.
    """

    def decorate(func: Callable[..., None]) -> TenantActor:
        return TenantActor(func, **options)

    return decorate


def actor(**options: Any) -> Callable[[Callable[..., None]], Any]:
    """Declare an actor without a tenant: it enqueues other actors or reads as the sweeper."""

    def decorate(func: Callable[..., None]) -> Any:
        name = f"{func.__module__}.{func.__name__}"
        return _declare(func, actor_name=name, broker=broker, **options)

    return decorate


broker = build_broker(settings.BROKER_URL)
dramatiq.set_broker(broker)
