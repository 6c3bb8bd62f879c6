"""What a worker does first: the duties of the clock, which may be long overdue after an outage."""

from typing import Any

import dramatiq
import structlog

from compliance.retention.actors import purge_all
from tenants.outbox.actors import sweep
from tenants.trail.actors import seal_all

log = structlog.get_logger("worker")


class CatchUp(dramatiq.Middleware):
    """Rings for every duty when a worker process starts; each is harmless when run once more."""

    def after_process_boot(self, broker: Any) -> None:
        """Do not wait for the clock's next turn: an erasure may be late already."""
        for duty in (sweep, purge_all, seal_all):
            try:
                duty.send()
            except Exception as error:  # noqa: BLE001  # the clock rings again
                log.warning("doorbell_failed", actor=duty.actor_name, error=type(error).__name__)
