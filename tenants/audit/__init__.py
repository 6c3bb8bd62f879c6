"""The audit trail of a tenant: append-only events, seals, erasure receipts and checkpoints.

Owns AuditEvent, AuditSeal, Receipt and Checkpoint; the tenant's role may SELECT and INSERT only. Every
service of the application records its operations here.
"""
