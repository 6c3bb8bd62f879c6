"""A poll during the lease of another worker is repeated later."""

from collections.abc import Callable
from datetime import timedelta

from booking.google.leases import acquire_lease
from booking.models import CalendarEntry, GoogleAccount
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice


def test_a_change_during_the_lease_of_another_worker_is_read_by_the_next_poll(
    linked: Callable[..., LinkedPractice],
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    (event,) = agenda.events()
    moved = MONDAY + timedelta(hours=1)
    agenda.google.move_event(ADDRESS, event["id"], moved, calendar=agenda.calendar())
    with inside(agenda.unit):
        GoogleAccount.objects.update(poll_at=agenda.clock())  # as after a notification of Google

    with acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock):
        assert agenda.poll() is False

    due = agenda.account().poll_at
    assert due is not None
    assert due <= agenda.clock()
    assert agenda.poll() is True
    assert agenda.entry(appointment).state == CalendarEntry.EventState.MOVED
