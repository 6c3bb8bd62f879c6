"""Settings of the practice in the dashboard: reminders and SMS."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import (
    Practice,
)
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.factories import (
    Cabinet,
)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def settings(practice: Practice, **fields: Any) -> dict[str, Any]:
    """Return what the settings page sends."""
    return {
        "name": practice.name,
        "kind": practice.kind,
        "reminder_minute": "18 h",
        "max_open_bookings": "3",
        "waiting_minutes": "30",
        "sms_budget": "300",
        "rights_contact": "librdv",
        **fields,
    }


@pytest.mark.parametrize("hour", ["7h59", "19h01", "23h"])
def test_reminders_stay_out_of_the_quiet_hours(owner: Client, cabinet: Cabinet, hour: str) -> None:
    answer = owner.post(page("practice"), settings(cabinet.practice, reminder_minute=hour))

    assert answer.status_code == 422


def test_sms_cannot_be_switched_on_without_a_gateway(owner: Client, cabinet: Cabinet) -> None:
    owner.post(page("practice"), settings(cabinet.practice, sms_enabled="on"))

    assert Practice.objects.get().sms_enabled is False
