"""The walls of the worker: messages with a wrong schema, a wrong stamp, or somebody else's ids."""

import uuid
from collections.abc import Iterator
from typing import Any

from tests.proofs.tally import Tally
from tests.proofs.world import Intact, Practice

Message = tuple[str, tuple[Any, ...]]


class Worker:
    """Probes of a worker process, through the real broker."""

    def __init__(
        self, stage: Any, tally: Tally, one: Practice, two: Practice, gone: Practice
    ) -> None:
        import config.worker  # every actor of every app
        from tenants.broker import broker

        assert config.worker.broker is broker
        self.stage, self.tally, self.broker = stage, tally, broker
        self.one, self.two, self.gone = one, two, gone
        self._join()  # what booking has rung for is not of this proof
        for practice in (one, two, gone):
            # Everything is due: whoever may ring is heard.
            stage.owner(
                f'UPDATE "{practice.unit.schema}".outbox_outboxentry SET state = %s, attempts = 0,'
                " finished_at = NULL, due_at = now() - interval '1 minute'",
                ["pending"],
            )
        self.victims = {
            practice.name: Intact(stage, practice.unit.schema) for practice in (one, gone)
        }
        self.victims["public"] = Intact(stage, "public")

    def probe(self) -> None:
        """Send every forged message, then the true ones, and wait until the worker has dealt with all."""
        from tenants import broker as ours

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
            self.tally.count("worker", (name, trick, *arguments), failed=False)
        for victim, changes in changed.items():
            if changes:
                self.tally.count("worker", ("changed", victim), failed=True, seen=changes)
        self._control(ours)

    def _is_stamped(self, name: str) -> bool:
        from tenants.broker import TenantActor

        return isinstance(getattr(self.broker.get_actor(name).fn, "__self__", None), TenantActor)

    def _forged(self, name: str) -> Iterator[Message]:
        from tenants.broker import _stamp

        one, two, gone = (p.unit.schema for p in (self.one, self.two, self.gone))
        rows = self.stage.owner(f'SELECT ref FROM "{one}".outbox_outboxentry')
        for (ref,) in rows:
            arguments = (uuid.UUID(str(ref)).hex,) if "outbox" in name else ()
            yield "another schema's stamp", (one, _stamp(name, two, arguments), *arguments)
            yield "no stamp", (one, "", *arguments)
            yield "another actor's stamp", (one, _stamp(name + "x", one, arguments), *arguments)
            yield "other arguments' stamp", (one, _stamp(name, one, ("x",)), *arguments)
            yield "a guessed stamp", (one, "0" * 64, *arguments)
            yield "no stamp at all", (one, *arguments)
            for schema in (
                one.upper(),
                f" {one}",
                f"{one} ",
                f'{one}"; RESET ROLE; --',
                "t_nobody",
            ):
                yield "an impossible schema", (schema, _stamp(name, schema, arguments), *arguments)
                yield (
                    "a schema that is not stamped",
                    (schema, _stamp(name, one, arguments), *arguments),
                )
            if arguments:
                # Well stamped, but the entry is the other tenant's.
                yield "a foreign entry", (two, _stamp(name, two, arguments), *arguments)
                yield "a foreign entry", ("public", _stamp(name, "public", arguments), *arguments)
        for (ref,) in self.stage.owner(f'SELECT ref FROM "{gone}".outbox_outboxentry'):
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
                self.tally.control(("worker", queue), failed=True, seen="messages left")

    def _control(self, ours: Any) -> None:
        """A message of ours is obeyed: the refusals are not those of a deaf worker."""
        schema = self.two.unit.schema
        arguments = (self.two.outbox_ref,)
        count = f'SELECT attempts FROM "{schema}".outbox_outboxentry WHERE ref = %s'
        name = "tenants.outbox.actors.deliver"
        self._send(name, (schema, ours._stamp(name, schema, arguments), *arguments))
        self._join()
        attempts = self.stage.owner(count, [self.two.outbox_ref])
        self.tally.control(("worker", "obeys"), failed=attempts[0][0] < 1, seen=attempts)
