"""App configuration of the audit trail."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit events and erasure receipts: append-only and hash-chained."""

    name = "tenants.audit"
    label = "audit"
