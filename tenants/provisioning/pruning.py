"""Deleting what the trail need not keep any longer: with the owner's login, and only what was signed (B-27)."""

from datetime import datetime
from typing import Any

import psycopg2
import structlog
from psycopg2 import sql

from tenants.trail.checkpoints import KEPT

log = structlog.get_logger("provisioning")

# Only names of schemas are put in, quoted by psycopg2.sql; values are bound.
_RECEIPTS = """
DELETE FROM {0}.trail_receipt WHERE at < %(before)s AND id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.trail_checkpoint WHERE chain = 'receipts')
"""
_ACTS = """
DELETE FROM {0}.trail_act act USING {0}.trail_actseal seal
WHERE seal.act_id = act.id AND act.at < %(before)s AND seal.id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.trail_checkpoint WHERE chain = 'acts')
"""
_SEALS = """
DELETE FROM {0}.trail_actseal seal
WHERE NOT EXISTS (SELECT 1 FROM {0}.trail_act act WHERE act.id = seal.act_id) AND seal.id <=
    (SELECT coalesce(max(last_id), 0) FROM {0}.trail_checkpoint WHERE chain = 'acts')
"""
_SCHEMAS = (
    "SELECT 'public' UNION ALL SELECT schema_name FROM public.tenants_tenant"
    " WHERE state NOT IN ('ordered', 'provisioning', 'erased')"
)


def prune_all(connection: Any, *, now: datetime) -> int:
    """Delete in every schema what is older than twelve months and signed; return how many rows.

    A schema that cannot be pruned, because its migrations are behind for instance, is logged and passed over.
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
        for statement in (_RECEIPTS, _ACTS, _SEALS):
            text = sql.SQL(statement).format(sql.Identifier(schema))
            cursor.execute(text, {"before": now - KEPT})
            deleted += cursor.rowcount
    return deleted
