"""A poll that finds somebody else at work is not forgotten."""

from collections.abc import Callable
from datetime import timedelta

from booking.models import CalendarEntry, GoogleAccount
from booking.services.google.leases import hold
from tenants.schema import inside
from tests.booking.google.conftest import ADDRESS, Linked
from tests.factories import NOW, local

MONDAY = local((NOW + timedelta(days=7)).date(), 10)


def test_what_changed_while_another_worker_spoke_for_the_account_is_read_by_the_next_beat(
    linked: Callable[..., Linked],
) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    (event,) = agenda.events()
    moved = MONDAY + timedelta(hours=1)
    agenda.google.move_event(ADDRESS, event["id"], moved, calendar=agenda.calendar())
    with inside(agenda.unit):
        GoogleAccount.objects.update(poll_at=agenda.clock())  # Google has knocked

    with hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock):
        assert agenda.poll() is False

    due = agenda.account().poll_at
    assert due is not None
    assert due <= agenda.clock()
    assert agenda.poll() is True
    assert agenda.entry(held).state == CalendarEntry.State.MOVED
