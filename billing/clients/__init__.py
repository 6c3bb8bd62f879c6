"""Clients of lib-rdv: order, provisioning, seeding, go-live checks, health, suspension, and their staff pages.

Owns the lifecycle of a client (G-10) and the first rows of its tenant. Staff pages decide in ``public``;
outbox workers and the clock enter the tenants (ADR 16). Adds its tiles, lists, search and sections to
``tenants.desk`` when the process starts. ``billing``, ``compliance`` and ``api`` may call it.
"""
