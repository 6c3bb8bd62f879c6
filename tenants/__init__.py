"""The platform: tenants, the isolation of their schemas, accounts, outbox, audit trail, keyring and backups.

The lowest layer: imports no other package of the application.
"""
