"""Changes of the sign-in address: requested with the password, confirmed at the new one, undone for 72 h."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import IntegrityError, transaction

from tenants.accounts import kinds
from tenants.accounts.emails import (
    GONE,
    STALE,
    AddressChangedEmail,
    AddressConfirmationEmail,
)
from tenants.accounts.models import EmailChange, Role, User
from tenants.accounts.services import addresses
from tenants.accounts.services.cleanup import delete_email_changes
from tenants.audit.models import AuditEvent
from tenants.outbox.delivery import Outcome
from tenants.outbox.emails import Email
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC, Unit
from tests.accounts import PASSWORD, add_totp, browser, make_member, make_user, sign_in

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
OLD, NEW = "maite@example.org", "maite.exemple@example.net"
TYPED = {"email": NEW, "password": PASSWORD}


@pytest.fixture
def user(tenant: Unit) -> Iterator[User]:
    """Return a member, with NOW as the current instant."""
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield make_member(Role.OWNER, OLD)


def asked(user: User) -> EmailChange:
    """Return an open change of address."""
    return addresses.request_change(user=user, new_email=NEW, now=NOW)


def confirmed(user: User, *, now: datetime = NOW) -> EmailChange:
    """Return a confirmed change of address."""
    return addresses.confirm(token=addresses.confirm_token(asked(user)), now=now)


def confirm_page(change: EmailChange) -> str:
    """Return the path of the link sent to the new address."""
    return f"/compte/adresse/confirmer/{addresses.confirm_token(change)}/"


def undo_page(change: EmailChange) -> str:
    """Return the path of the link sent to the old address."""
    return f"/compte/adresse/retablir/{addresses.undo_token(change)}/"


def address_of(user: User) -> str:
    """Return the present sign-in address."""
    return User.objects.get(pk=user.pk).email


def prepare(handler: Any, kind: str, unit: Unit = PUBLIC) -> Any:
    """Let the worker look at the entry of a message."""
    entry = OutboxEntry.objects.get(kind=kind)
    return handler.prepare(entry, NO_PAYLOAD, unit=unit, now=NOW)


def test_a_request_changes_no_address_and_sends_one_link(user: User, host: str) -> None:
    client = browser(host, user)

    answer = client.post("/compte/adresse/", TYPED, follow=True)

    assert address_of(user) == OLD
    assert f"Un lien est parti à {NEW}" in answer.text
    assert (
        OutboxEntry.objects.get(kind=kinds.EMAIL_CONFIRM).subject_id == EmailChange.objects.get().pk
    )
    assert NEW not in str(list(OutboxEntry.objects.values())) + str(
        list(AuditEvent.objects.values())
    )


def test_a_wrong_password_is_refused_and_counted_without_a_request(user: User, host: str) -> None:
    client = browser(host, user)

    answer = client.post("/compte/adresse/", {**TYPED, "password": "Autre-chose-longue-9"})

    assert answer.status_code == 422
    assert "n’est pas le bon" in answer.text
    assert f'value="{NEW}"' in answer.text
    assert not EmailChange.objects.exists()
    assert AccessAttempt.objects.get().username == OLD


@pytest.mark.parametrize("typed", ["", "pas-une-adresse", OLD, OLD.upper()])
def test_an_invalid_address_is_refused(user: User, host: str, typed: str) -> None:
    answer = browser(host, user).post("/compte/adresse/", {**TYPED, "email": typed})

    assert answer.status_code == 422
    assert not EmailChange.objects.exists()


def test_the_link_page_changes_the_address_by_post_only(user: User, host: str) -> None:
    change = asked(user)
    stranger = browser(host)

    shown = stranger.get(confirm_page(change))
    before = address_of(user)
    answer = stranger.post(confirm_page(change))

    assert (shown.status_code, before, answer.status_code) == (200, OLD, 302)
    assert address_of(user) == NEW
    email_address = EmailAddress.objects.get(user=user)
    assert (email_address.email, email_address.verified, email_address.primary) == (NEW, True, True)
    assert sign_in(browser(host), NEW).status_code == 302
    assert OutboxEntry.objects.get(kind=kinds.EMAIL_CHANGED).subject_id == change.pk


def test_a_link_works_once_and_for_a_day(user: User, host: str) -> None:
    change = asked(user)
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        late = browser(host).post(confirm_page(change)).status_code
    browser(host).post(confirm_page(change))

    again = browser(host).get(confirm_page(change))

    assert (late, again.status_code) == (410, 410)
    assert "Ce lien ne sert plus" in again.text


def test_a_new_request_closes_the_previous_one(user: User, host: str) -> None:
    first = asked(user)
    addresses.request_change(user=user, new_email="autre@example.net", now=NOW)

    answer = browser(host).post(confirm_page(first))

    assert answer.status_code == 410
    assert address_of(user) == OLD


def test_the_database_allows_one_open_request(user: User) -> None:
    change = asked(user)
    change.pk, change.ref = None, user.ref
    change.confirm_hash, change.undo_hash = b"1" * 32, b"2" * 32

    with pytest.raises(IntegrityError), transaction.atomic():
        change.save(force_insert=True)


def test_a_request_is_cancelled(user: User, host: str) -> None:
    change = asked(user)
    client = browser(host, user)

    client.post("/compte/adresse/abandonner/")

    assert client.post(confirm_page(change)).status_code == 410
    assert "Un lien est parti" not in client.get("/compte/adresse/").text


def test_a_taken_address_gets_the_same_response_and_no_link(user: User, host: str) -> None:
    make_user("autre@example.org")
    client = browser(host, user)

    answer = client.post("/compte/adresse/", {**TYPED, "email": "autre@example.org"}, follow=True)

    change = EmailChange.objects.get()
    assert "Un lien est parti à autre@example.org" in answer.text
    assert prepare(AddressConfirmationEmail(), kinds.EMAIL_CONFIRM) == GONE
    assert browser(host).post(confirm_page(change)).status_code == 410


def test_the_undo_link_restores_the_address_and_ends_all_sessions(user: User, host: str) -> None:
    thief = browser(host, user)
    thief.get("/espace/")
    change = confirmed(user)
    add_totp(user)
    Authenticator.objects.update(created_at=NOW)

    shown = browser(host).get(undo_page(change))
    before = thief.get("/espace/").status_code
    answer = browser(host).post(undo_page(change))

    user_row = User.objects.get(pk=user.pk)
    assert (shown.status_code, before, answer.status_code) == (200, 200, 200)
    assert f"de nouveau {OLD}" in answer.text
    assert (user_row.email, user_row.has_usable_password()) == (OLD, False)
    assert thief.get("/espace/").status_code == 302
    assert not any(session.get_decoded().get("_auth_user_id") for session in Session.objects.all())
    assert not Authenticator.objects.exists()
    assert OutboxEntry.objects.get(kind=kinds.PASSWORD_RESET).subject_id == user.pk
    assert sign_in(browser(host), OLD).status_code == 200


def test_undoing_deletes_every_second_factor(user: User) -> None:
    add_totp(user)
    Authenticator.objects.update(created_at=NOW - timedelta(days=1))

    addresses.undo(token=addresses.undo_token(confirmed(user)), now=NOW)

    # A passkey signs in without the password: a person who knew the password may have added one.
    assert not Authenticator.objects.exists()


def test_undoing_the_first_change_closes_the_links_of_later_ones(user: User, host: str) -> None:
    first = confirmed(user)
    second = addresses.request_change(
        user=User.objects.get(), new_email="voleur@example.net", now=NOW
    )
    addresses.confirm(token=addresses.confirm_token(second), now=NOW)

    browser(host).post(undo_page(first))
    thief = browser(host).post(undo_page(second))

    assert thief.status_code == 410
    assert address_of(user) == OLD


@pytest.mark.parametrize(("hours", "status"), [(71, 200), (72, 410)])
def test_the_undo_link_is_valid_for_72_hours(
    user: User, host: str, hours: int, status: int
) -> None:
    change = confirmed(user)

    with time_machine.travel(NOW + timedelta(hours=hours), tick=False):
        answer = browser(host).post(undo_page(change))

    assert answer.status_code == status
    assert (address_of(user) == OLD) == (status == 200)


def test_an_unconfirmed_change_cannot_be_undone_and_tokens_are_not_interchangeable(
    user: User, host: str
) -> None:
    change = asked(user)
    undo, confirm = addresses.undo_token(change), addresses.confirm_token(change)

    statuses = [
        browser(host).post(path).status_code
        for path in (
            undo_page(change),
            f"/compte/adresse/retablir/{confirm}/",
            f"/compte/adresse/confirmer/{undo}/",
            "/compte/adresse/confirmer/personne/",
        )
    ]

    assert statuses == [410] * 4
    assert address_of(user) == OLD


def test_a_closed_account_cannot_confirm_a_change(user: User, host: str) -> None:
    change = asked(user)
    User.objects.update(is_active=False)

    assert browser(host).post(confirm_page(change)).status_code == 410


def test_the_emails_go_to_the_right_addresses(
    user: User, tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, str]] = []

    def send(email: Email, unit: Unit) -> Outcome:
        sent.append((email.template, email.to, email.paths["link"]))
        return GONE

    monkeypatch.setattr("tenants.accounts.emails.send", send)
    change = asked(user)
    prepare(AddressConfirmationEmail(), kinds.EMAIL_CONFIRM, tenant)()
    addresses.confirm(token=addresses.confirm_token(change), now=NOW)

    late = prepare(AddressConfirmationEmail(), kinds.EMAIL_CONFIRM, tenant)
    prepare(AddressChangedEmail(), kinds.EMAIL_CHANGED, tenant)()

    assert late == STALE
    assert sent == [
        ("account_email_confirm", NEW, confirm_page(change)),
        ("account_email_changed", OLD, undo_page(change)),
    ]


def test_changes_are_deleted_when_their_links_are_closed(user: User) -> None:
    confirmed(user)
    addresses.request_change(user=user, new_email="autre@example.net", now=NOW)

    deleted = [
        delete_email_changes(now=NOW + timedelta(hours=hours), limit=500)
        for hours in (23, 24, 71, 72)
    ]

    assert deleted == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/compte/profil/", "put"),
        ("/compte/adresse/", "put"),
        ("/compte/adresse/abandonner/", "get"),
        ("/compte/sessions/", "post"),
        ("/compte/sessions/fermer/", "get"),
    ],
)
def test_account_pages_need_a_sign_in_and_the_right_method(
    user: User, host: str, path: str, wrong: str
) -> None:
    right = "post" if wrong == "get" else "get"

    stranger = getattr(browser(host), right)(path)
    refused = getattr(browser(host, user), wrong)(path)

    assert stranger["Location"].startswith("/connexion/?next=")
    assert refused.status_code == 405


def test_the_name_of_the_account_is_changed(user: User, host: str) -> None:
    client = browser(host, user)

    empty = client.post("/compte/profil/", {"name": "  "})
    answer = client.post("/compte/profil/", {"name": " Maite Exemple "}, follow=True)

    assert empty.status_code == 422
    assert User.objects.get().name == "Maite Exemple"
    assert "Maite Exemple" in answer.text
