"""What the form of an appointment type sends, for the tests of its pages."""

from typing import Any

from tests.factories import (
    Cabinet,
)


def appointment_type(cabinet: Cabinet, **fields: Any) -> dict[str, Any]:
    """Return what the appointment type editor sends."""
    return {
        "label": "Suivi",
        "duration_min": "30",
        "buffer_before_min": "0",
        "buffer_after_min": "10",
        "min_notice_min": "60",
        "horizon_days": "60",
        "cancel_hours": "24",
        "channel": "online",
        "practitioners": [cabinet.practitioner.ref],
        "locations": [cabinet.location.ref],
        **fields,
    }
