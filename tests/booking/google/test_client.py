"""One client is made for all accounts; each request leaves through the connection of its own."""

import pytest

from booking import google_calendar, google_oauth
from tenants import outbound
from tests.fakes.google import Google

ACCOUNTS = ("maite@exemple.fr", "hugo@exemple.fr")


class Unmetered:
    """Lets everything pass."""

    def pass_or_wait(self) -> None:
        pass

    def count_fault(self) -> None:
        pass


def client(google: Google, address: str) -> google_calendar.Client:
    access, _refresh = google.grant(address, [google_oauth.WRITE])
    return google_calendar.Client(token=access, account=address, meter=Unmetered())


def test_accounts_asked_in_turn_are_never_mistaken(google: Google) -> None:
    one, other = (client(google, address) for address in ACCOUNTS)
    with one, other:
        made = [each.create_calendar(zone="Europe/Paris") for each in (one, other, one)]

    owned = {address: set(google.account(address).calendars) - {address} for address in ACCOUNTS}
    assert owned == {ACCOUNTS[0]: {made[0], made[2]}, ACCOUNTS[1]: {made[1]}}


def test_a_request_without_its_connection_does_not_leave(google: Google) -> None:
    api = google_calendar._api(outbound.base_address("google_calendar"))

    with pytest.raises(RuntimeError):
        api.calendars.insert(body={"summary": "x"}).execute()

    assert not google.accounts
