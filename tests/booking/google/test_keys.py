"""Each account has its own key: no other key opens its secret, and no key at all after the disconnection."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from booking.google import (
    authorization,
    disconnection,
    oauth,
    polls,
    sync_health,
)
from booking.google.accounts import open_secret
from booking.google.oauth import Grant
from booking.models import CalendarEntry, GoogleAccount
from booking.rules import kinds
from config.devtools import processes
from tenants.keyring import services as keyring
from tenants.keyring.errors import UnreadableError
from tenants.keyring.models import DataKey
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import make_hours, make_practitioner
from tests.fakes.google import RandomFaults

Links = Callable[..., LinkedPractice]


def grant(agenda: LinkedPractice, address: str) -> Grant:
    """Return the grant of a consent of this account."""
    scopes = [oauth.WRITE, oauth.BUSY]
    access, refresh = agenda.google.grant(address, scopes)
    return Grant(
        refresh_token=refresh,
        access_token=access,
        expires_at=agenda.clock() + timedelta(hours=1),
        scopes=frozenset(scopes),
        subject=address,
        is_workspace=False,
    )


def link_another(agenda: LinkedPractice, address: str) -> GoogleAccount:
    """Link a second practitioner of the same practice."""
    with inside(agenda.unit):
        person = make_practitioner(address)
        agenda.cabinet.type.practitioners.add(person)
        make_hours(person, agenda.cabinet.location)
        return authorization.save_account(
            practitioner=person, user_id=0, grant=grant(agenda, address), now=agenda.clock()
        )


def rows(unit: Unit) -> list[GoogleAccount]:
    """Return the accounts with their keys."""
    with inside(unit):
        return list(GoogleAccount.objects.select_related("data_key").order_by("pk"))


def opens(unit: Unit, account: GoogleAccount) -> bool:
    """Return whether the product can read the secret of the row."""
    with inside(unit):
        try:
            return bool(open_secret(account).refresh_token)
        except UnreadableError:
            return False


def test_each_account_opens_with_its_own_key(linked: Links) -> None:
    agenda = linked()
    link_another(agenda, "autre@exemple.fr")

    first, second = rows(agenda.unit)

    assert first.data_key_id != second.data_key_id
    assert opens(agenda.unit, first)
    assert opens(agenda.unit, second)


@pytest.mark.parametrize("swapped", ["data_key", "sealed", "both"])
def test_within_a_practice_nothing_of_one_account_opens_in_the_row_of_another(
    linked: Links, swapped: str
) -> None:
    agenda = linked()
    link_another(agenda, "autre@exemple.fr")
    first, second = rows(agenda.unit)

    if swapped != "sealed":
        first.data_key, second.data_key = second.data_key, first.data_key
    if swapped != "data_key":
        first.sealed, second.sealed = second.sealed, first.sealed

    assert not opens(agenda.unit, first)
    assert not opens(agenda.unit, second)


@pytest.mark.parametrize("taken", ["sealed", "sealed and key", "whole row"])
def test_nothing_of_one_practice_opens_in_another(linked: Links, taken: str) -> None:
    ours, theirs = linked("cabinet"), linked("voisin")
    (mine,), (other,) = rows(ours.unit), rows(theirs.unit)

    other.sealed = mine.sealed
    if taken != "sealed":
        other.data_key = mine.data_key
    if taken == "whole row":
        other.ref = mine.ref

    assert not opens(theirs.unit, other)
    assert opens(ours.unit, mine)


@pytest.mark.parametrize("how", ["answering", "refused", "silent"])
def test_after_a_disconnection_no_key_of_the_database_opens_the_token(
    linked: Links, settings: Settings, how: str
) -> None:
    agenda = linked()
    link_another(agenda, "autre@exemple.fr")
    left, kept = rows(agenda.unit)
    if how == "refused":
        closed = f"http://127.0.0.1:{processes.free_port()}/"
        settings.OUTBOUND = {
            **settings.OUTBOUND, "google_calendar": closed, "google_oauth": closed,
        }  # fmt: skip
    if how == "silent":
        settings.GOOGLE_TIMEOUT_SECONDS = 0.1
        agenda.google.black_hole.open()
    with inside(agenda.unit):
        disconnection.disconnect(
            account=left,
            on_disconnect=GoogleAccount.OnDisconnect.KEEP,
            actor="user:1",
            now=agenda.clock(),
        )

    agenda.deliver()

    agenda.google.black_hole.close()
    assert [account.pk for account in rows(agenda.unit)] == [kept.pk]
    with inside(agenda.unit):
        keys = list(DataKey.objects.all())
    for key in keys:
        left.data_key = key
        assert not opens(agenda.unit, left)
    assert opens(agenda.unit, kept)


def test_a_new_kek_wraps_the_keys_again_and_changes_no_token(
    linked: Links, settings: Settings
) -> None:
    agenda = linked()
    (before,) = rows(agenda.unit)
    wrapped = bytes(before.data_key.wrapped) if before.data_key else b""
    of_the_run = list(settings.KEKS)
    try:
        settings.KEKS = [("next", b"n" * 32), *of_the_run]
        call_command("rotate_keks", stdout=StringIO())
        settings.KEKS = settings.KEKS[:1]
        keyring.delete_unwrapped_keys()

        (after,) = rows(agenda.unit)

        assert bytes(after.sealed) == bytes(before.sealed)
        assert after.data_key is not None
        assert bytes(after.data_key.wrapped) == wrapped
        assert opens(agenda.unit, after)
    finally:
        settings.KEKS = [*of_the_run, ("next", b"n" * 32)]
        call_command("rotate_keks", stdout=StringIO())


ADDRESSES = (ADDRESS, "autre@exemple.fr", "troisieme@exemple.fr")


def three_accounts(agenda: LinkedPractice) -> list[GoogleAccount]:
    """Link two more practitioners; each of the three has a coming appointment that waits for a push."""
    for address in ADDRESSES[1:]:
        link_another(agenda, address)
    accounts = rows(agenda.unit)
    for account in accounts:
        with inside(agenda.unit):
            agenda.cabinet.practitioner = account.practitioner
        agenda.book(MONDAY)
    return accounts


def count_emails(unit: Unit) -> int:
    """Return how many e-mails to practitioners with a lost link were enqueued."""
    with inside(unit):
        return OutboxEntry.objects.filter(kind=kinds.CALENDAR_LOST).count()


def waiting(unit: Unit) -> int:
    """Return how many events were never pushed."""
    with inside(unit):
        return CalendarEntry.objects.filter(pushed=0).count()


def test_after_a_revocation_no_account_stays_stuck(linked: Links) -> None:
    agenda = linked()
    agenda.clock.advance(hours=2)
    accounts = three_accounts(agenda)
    for address in ADDRESSES:
        agenda.google.revoke(address)

    agenda.deliver()
    agenda.clock.advance(hours=3)
    agenda.deliver()

    # One e-mail for each account, and all events still wait.
    assert {account.state for account in rows(agenda.unit)} == {"reconnect"}
    assert count_emails(agenda.unit) == 3
    assert waiting(agenda.unit) == 3
    for account, address in zip(accounts, ADDRESSES, strict=True):
        with inside(agenda.unit):
            authorization.save_account(
                practitioner=account.practitioner,
                user_id=0,
                grant=grant(agenda, address),
                now=agenda.clock(),
            )
        assert polls.poll(unit=agenda.unit, account_id=account.pk, clock=agenda.clock)
    assert waiting(agenda.unit) == 0
    assert {account.state for account in rows(agenda.unit)} == {"connected"}
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts()
    assert count_emails(agenda.unit) == 3


def test_after_a_day_without_google_one_poll_pushes_everything(linked: Links) -> None:
    agenda = linked()
    accounts = three_accounts(agenda)
    # The token endpoint has no fault: google-auth would sleep between its attempts.
    methods = ["calendar.freebusy.query", "calendar.events.insert"]
    agenda.google.random_faults = RandomFaults(rate=1.0, kinds=["503"], methods=methods)
    for _times in range(6):
        agenda.clock.advance(hours=5)
        agenda.deliver(rounds=2)
        for account in accounts:
            polls.poll(unit=agenda.unit, account_id=account.pk, clock=agenda.clock)
    assert waiting(agenda.unit) == 3
    agenda.google.random_faults = None
    agenda.clock.advance(minutes=10)

    for account in accounts:
        assert polls.poll(unit=agenda.unit, account_id=account.pk, clock=agenda.clock)

    assert waiting(agenda.unit) == 0
    assert sync_health.stuck_accounts(now=agenda.clock()) == sync_health.StuckAccounts()
