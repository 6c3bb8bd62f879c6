"""Prunes the audit trails with the owner's login: deletes signed links older than twelve months (B-27)."""

from datetime import datetime
from typing import Any

import psycopg2
import structlog
from psycopg2 import sql

from tenants.audit.checkpoints import KEPT

log = structlog.get_logger("provisioning")

# Only names of schemas are put in, quoted by psycopg2.sql; values are bound.
_RECEIPTS = """
DELETE FROM {0}.audit_receipt WHERE at < %(before)s AND id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.audit_checkpoint WHERE chain = 'receipts')
"""
_EVENTS = """
DELETE FROM {0}.audit_auditevent event USING {0}.audit_auditseal seal
WHERE seal.event_id = event.id AND event.at < %(before)s AND seal.id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.audit_checkpoint WHERE chain = 'events')
"""
_SEALS = """
DELETE FROM {0}.audit_auditseal seal
WHERE NOT EXISTS (SELECT 1 FROM {0}.audit_auditevent event WHERE event.id = seal.event_id) AND seal.id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.audit_checkpoint WHERE chain = 'events')
"""
_SCHEMAS = (
    "SELECT 'public' UNION ALL SELECT schema_name FROM public.tenants_tenant"
    " WHERE state NOT IN ('ordered', 'provisioning', 'erased')"
)


def prune_all(connection: Any, *, now: datetime) -> int:
    """Prune the audit trail of every schema; return the number of deleted rows.

    A schema that cannot be pruned, for example because its migrations are outdated, is logged and skipped.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_SCHEMAS)
        schemas = [name for (name,) in cursor.fetchall()]
    deleted = 0
    for schema in schemas:
        try:
            deleted += _prune(connection, schema, now=now)
        except psycopg2.Error as error:
            log.warning("prune_failed", schema=schema, code=error.pgcode)
    return deleted


def _prune(connection: Any, schema: str, *, now: datetime) -> int:
    deleted = 0
    with connection, connection.cursor() as cursor:
        # Seals last: they are deleted once their event is gone.
        for statement in (_RECEIPTS, _EVENTS, _SEALS):
            text = sql.SQL(statement).format(sql.Identifier(schema))
            cursor.execute(text, {"before": now - KEPT})
            deleted += cursor.rowcount
    return deleted
