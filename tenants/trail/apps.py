"""App configuration of the trail."""

from django.apps import AppConfig


class TrailConfig(AppConfig):
    """Acts, reads and erasure receipts: append-only and hash-chained."""

    name = "tenants.trail"
    label = "trail"
