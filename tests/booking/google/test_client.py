"""One client serves all accounts; each request uses the connection of its own account."""

import pytest

from booking.google import calendar_api, oauth
from tenants import http_gateway
from tests.fakes.google import Google

ACCOUNTS = ("maite@exemple.fr", "hugo@exemple.fr")


class Unmetered:
    """A meter without limits."""

    def count_request(self) -> None:
        pass

    def count_fault(self) -> None:
        pass


def client(google: Google, address: str) -> calendar_api.Client:
    access, _refresh = google.grant(address, [oauth.WRITE])
    return calendar_api.Client(token=access, account=address, meter=Unmetered())


def test_accounts_asked_in_turn_are_never_mistaken(google: Google) -> None:
    first, second = (client(google, address) for address in ACCOUNTS)
    with first, second:
        made = [each.create_calendar(zone="Europe/Paris") for each in (first, second, first)]

    owned = {address: set(google.account(address).calendars) - {address} for address in ACCOUNTS}
    assert owned == {ACCOUNTS[0]: {made[0], made[2]}, ACCOUNTS[1]: {made[1]}}


def test_a_request_without_its_connection_does_not_leave(google: Google) -> None:
    api = calendar_api._api(http_gateway.base_address("google_calendar"))

    with pytest.raises(RuntimeError):
        api.calendars.insert(body={"summary": "x"}).execute()

    assert not google.accounts
