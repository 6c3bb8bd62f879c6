"""Isolation of the worker: messages with a wrong schema, a wrong stamp or the ids of another tenant."""

import uuid
from collections.abc import Iterator
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.dataset import CanaryPractice, RowWatch

Message = tuple[str, tuple[Any, ...]]


class WorkerProbes:
    """Probes of a worker process, through the real broker."""

    def __init__(
        self,
        environment: Any,
        counter: CaseCounter,
        first: CanaryPractice,
        second: CanaryPractice,
        gone: CanaryPractice,
    ) -> None:
        import config.worker  # every actor of every app
        from tenants.broker import broker

        assert config.worker.broker is broker
        self.environment, self.counter, self.broker = environment, counter, broker
        self.first, self.second, self.gone = first, second, gone
        self._join()  # the messages of the bookings are none of this proof
        for practice in (first, second, gone):
            # All entries are due: a message that the worker accepts changes its entry.
            environment.owner(
                f'UPDATE "{practice.unit.schema}".outbox_outboxentry SET state = %s, attempts = 0,'
                " finished_at = NULL, due_at = now() - interval '1 minute'",
                ["pending"],
            )
        self.victims = {
            practice.name: RowWatch(environment, practice.unit.schema) for practice in (first, gone)
        }
        self.victims["public"] = RowWatch(environment, "public")

    def probe(self) -> None:
        """Send every forged message, then a genuine one, and wait until the worker has handled them."""
        from tenants import broker

        names = sorted(self.broker.get_declared_actors())
        probes = [
            (name, trick, arguments)
            for name in names
            if self._is_stamped(name)
            for trick, arguments in self._forged(name)
        ]
        for name, _trick, arguments in probes:
            self._send(name, arguments)
        self._join()
        changed = {name: rows.changes(strict=True) for name, rows in self.victims.items()}
        for name, trick, arguments in probes:
            self.counter.count("worker", (name, trick, *arguments), failed=False)
        for victim, changes in changed.items():
            if changes:
                self.counter.count("worker", ("changed", victim), failed=True, seen=changes)
        self._control(broker)

    def _is_stamped(self, name: str) -> bool:
        from tenants.broker import TenantActor

        return isinstance(getattr(self.broker.get_actor(name).fn, "__self__", None), TenantActor)

    def _forged(self, name: str) -> Iterator[Message]:
        from tenants.broker import _stamp

        first, second, gone = (p.unit.schema for p in (self.first, self.second, self.gone))
        rows = self.environment.owner(f'SELECT ref FROM "{first}".outbox_outboxentry')
        for (ref,) in rows:
            arguments = (uuid.UUID(str(ref)).hex,) if "outbox" in name else ()
            yield "another schema's stamp", (first, _stamp(name, second, arguments), *arguments)
            yield "no stamp", (first, "", *arguments)
            yield "another actor's stamp", (first, _stamp(name + "x", first, arguments), *arguments)
            yield "other arguments' stamp", (first, _stamp(name, first, ("x",)), *arguments)
            yield "a guessed stamp", (first, "0" * 64, *arguments)
            yield "no stamp at all", (first, *arguments)
            for schema in (
                first.upper(),
                f" {first}",
                f"{first} ",
                f'{first}"; RESET ROLE; --',
                "t_unknown",
            ):
                yield "an impossible schema", (schema, _stamp(name, schema, arguments), *arguments)
                yield (
                    "a schema that is not stamped",
                    (schema, _stamp(name, first, arguments), *arguments),
                )
            if arguments:
                # Well stamped, but the entry is the other tenant's.
                yield "a foreign entry", (second, _stamp(name, second, arguments), *arguments)
                yield "a foreign entry", ("public", _stamp(name, "public", arguments), *arguments)
        for (ref,) in self.environment.owner(f'SELECT ref FROM "{gone}".outbox_outboxentry'):
            arguments = (uuid.UUID(str(ref)).hex,) if "outbox" in name else ()
            yield "a tenant that is gone", (gone, _stamp(name, gone, arguments), *arguments)

    def _send(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.broker.get_actor(name).send(*arguments)

    def _join(self) -> None:
        from dramatiq.errors import QueueJoinTimeout

        for queue in sorted(self.broker.get_declared_queues()):
            try:
                self.broker.join(queue, timeout=30_000)
            except QueueJoinTimeout:
                self.counter.control(("worker", queue), failed=True, seen="messages left")

    def _control(self, broker: Any) -> None:
        """A genuine message is handled: the worker does not refuse everything."""
        schema = self.second.unit.schema
        arguments = (self.second.outbox_ref,)
        count = f'SELECT attempts FROM "{schema}".outbox_outboxentry WHERE ref = %s'
        name = "tenants.outbox.actors.deliver"
        self._send(name, (schema, broker._stamp(name, schema, arguments), *arguments))
        self._join()
        attempts = self.environment.owner(count, [self.second.outbox_ref])
        self.counter.control(("worker", "handles"), failed=attempts[0][0] < 1, seen=attempts)
