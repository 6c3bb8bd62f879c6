"""Enqueues the recurring duties when a worker starts: after an outage they may be overdue."""

from typing import Any

import dramatiq
import structlog

from compliance.retention.actors import erase_all_due
from tenants.audit.actors import seal_all, sign_all_checkpoints
from tenants.outbox.actors import sweep

log = structlog.get_logger("worker")


class CatchUp(dramatiq.Middleware):
    """Enqueues every duty at the start of a worker process; duties are idempotent."""

    def after_process_boot(self, broker: Any) -> None:
        """Enqueue the duties at once instead of at the scheduler's next turn: an erasure may be overdue."""
        for duty in (sweep, erase_all_due, seal_all, sign_all_checkpoints):
            try:
                duty.send()
            except Exception as error:  # noqa: BLE001  # the scheduler enqueues it again
                log.warning("enqueue_failed", actor=duty.actor_name, error=type(error).__name__)
