"""Appointments reach the calendar: once, as they are now, whatever the line loses."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from booking.services.appointments import cancel
from tenants.schema import inside
from tests.booking.google.conftest import Linked
from tests.factories import NOW, local
from tests.fakes.google import KNOWN

MONDAY = local((NOW + timedelta(days=7)).date(), 10)


def test_a_booking_stands_in_the_calendar(linked: Callable[..., Linked]) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)

    assert agenda.deliver() == ["sent"]

    (event,) = agenda.events()
    assert event["summary"] == "Camille Spécimen"
    assert "+33639980104" in event["description"]
    assert agenda.entry(held).state == "written"
