"""Another address: asked with the password, confirmed where it arrives, undone from the old one for 72 h."""

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
from tenants.accounts.delivery import GONE, STALE, ChangedLetter, ConfirmLetter
from tenants.accounts.models import EmailChange, Role, User
from tenants.accounts.services import addresses
from tenants.accounts.services.tidying import forget_addresses
from tenants.outbox.delivery import Outcome
from tenants.outbox.mailing import Letter
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit
from tenants.trail.models import Act
from tests.accounts import PASSWORD, add_totp, browser, make_member, make_user, sign_in

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
OLD, NEW = "maite@example.org", "maite.exemple@example.net"
TYPED = {"email": NEW, "password": PASSWORD}


@pytest.fixture
def user(tenant: Unit) -> Iterator[User]:
    """Return a member, at the pretended now."""
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield make_member(Role.OWNER, OLD)


def asked(user: User) -> EmailChange:
    """Return a change that waits for its link."""
    return addresses.ask(user=user, new_email=NEW, now=NOW)


def confirmed(user: User, *, now: datetime = NOW) -> EmailChange:
    """Return a change that was confirmed."""
    return addresses.confirm(token=addresses.confirm_token(asked(user)), now=now)


def confirm_page(change: EmailChange) -> str:
    """Return the path of the link at the new address."""
    return f"/compte/adresse/confirmer/{addresses.confirm_token(change)}/"


def undo_page(change: EmailChange) -> str:
    """Return the path of the link at the old address."""
    return f"/compte/adresse/retablir/{addresses.undo_token(change)}/"


def address_of(user: User) -> str:
    """Return the address that signs in."""
    return User.objects.get(pk=user.pk).email


def prepare(handler: Any, kind: str, unit: Unit = PUBLIC) -> Any:
    """Let the worker look at the entry of a message."""
    entry = OutboxEntry.objects.get(kind=kind)
    return handler.prepare(entry, unit=unit, now=NOW)


def test_asking_changes_nothing_and_sends_one_link(user: User, host: str) -> None:
    client = browser(host, user)

    answer = client.post("/compte/adresse/", TYPED, follow=True)

    assert address_of(user) == OLD
    assert f"Un lien est parti à {NEW}" in answer.text
    assert (
        OutboxEntry.objects.get(kind=kinds.EMAIL_CONFIRM).object_id == EmailChange.objects.get().pk
    )
    assert NEW not in str(list(OutboxEntry.objects.values())) + str(list(Act.objects.values()))


def test_a_wrong_password_is_refused_counted_and_nothing_is_asked(user: User, host: str) -> None:
    client = browser(host, user)

    answer = client.post("/compte/adresse/", {**TYPED, "password": "Autre-chose-longue-9"})

    assert answer.status_code == 422
    assert "n’est pas le bon" in answer.text
    assert f'value="{NEW}"' in answer.text
    assert not EmailChange.objects.exists()
    assert AccessAttempt.objects.get().username == OLD


@pytest.mark.parametrize("typed", ["", "pas-une-adresse", OLD, OLD.upper()])
def test_an_address_that_cannot_be_is_refused(user: User, host: str, typed: str) -> None:
    answer = browser(host, user).post("/compte/adresse/", {**TYPED, "email": typed})

    assert answer.status_code == 422
    assert not EmailChange.objects.exists()


def test_looking_at_the_link_changes_nothing_and_the_button_does(user: User, host: str) -> None:
    change = asked(user)
    stranger = browser(host)

    shown = stranger.get(confirm_page(change))
    before = address_of(user)
    answer = stranger.post(confirm_page(change))

    assert (shown.status_code, before, answer.status_code) == (200, OLD, 302)
    assert address_of(user) == NEW
    held = EmailAddress.objects.get(user=user)
    assert (held.email, held.verified, held.primary) == (NEW, True, True)
    assert sign_in(browser(host), NEW).status_code == 302
    assert OutboxEntry.objects.get(kind=kinds.EMAIL_CHANGED).object_id == change.pk


def test_a_link_serves_once_and_for_a_day(user: User, host: str) -> None:
    change = asked(user)
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        late = browser(host).post(confirm_page(change)).status_code
    browser(host).post(confirm_page(change))

    again = browser(host).get(confirm_page(change))

    assert (late, again.status_code) == (410, 410)
    assert "Ce lien ne sert plus" in again.text


def test_asking_again_gives_up_the_one_before(user: User, host: str) -> None:
    first = asked(user)
    addresses.ask(user=user, new_email="autre@example.net", now=NOW)

    answer = browser(host).post(confirm_page(first))

    assert answer.status_code == 410
    assert address_of(user) == OLD


def test_the_database_keeps_one_open_request(user: User) -> None:
    change = asked(user)
    change.pk, change.ref = None, user.ref
    change.confirm_hash, change.undo_hash = b"1" * 32, b"2" * 32

    with pytest.raises(IntegrityError), transaction.atomic():
        change.save(force_insert=True)


def test_a_request_is_given_up(user: User, host: str) -> None:
    change = asked(user)
    client = browser(host, user)

    client.post("/compte/adresse/abandonner/")

    assert client.post(confirm_page(change)).status_code == 410
    assert "Un lien est parti" not in client.get("/compte/adresse/").text


def test_the_address_of_somebody_else_answers_the_same_and_sends_nothing(
    user: User, host: str
) -> None:
    make_user("autre@example.org")
    client = browser(host, user)

    answer = client.post("/compte/adresse/", {**TYPED, "email": "autre@example.org"}, follow=True)

    change = EmailChange.objects.get()
    assert "Un lien est parti à autre@example.org" in answer.text
    assert prepare(ConfirmLetter(), kinds.EMAIL_CONFIRM) == GONE
    assert browser(host).post(confirm_page(change)).status_code == 410


def test_the_undo_link_puts_all_back_and_ends_all_sessions(user: User, host: str) -> None:
    thief = browser(host, user)
    thief.get("/espace/")
    change = confirmed(user)
    add_totp(user)
    Authenticator.objects.update(created_at=NOW)

    shown = browser(host).get(undo_page(change))
    before = thief.get("/espace/").status_code
    answer = browser(host).post(undo_page(change))

    held = User.objects.get(pk=user.pk)
    assert (shown.status_code, before, answer.status_code) == (200, 200, 200)
    assert f"de nouveau {OLD}" in answer.text
    assert (held.email, held.has_usable_password()) == (OLD, False)
    assert thief.get("/espace/").status_code == 302
    assert not any(one.get_decoded().get("_auth_user_id") for one in Session.objects.all())
    assert not Authenticator.objects.exists()
    assert OutboxEntry.objects.get(kind=kinds.PASSWORD_RESET).object_id == user.pk
    assert sign_in(browser(host), OLD).status_code == 200


def test_no_second_factor_stays_whenever_it_was_added(user: User) -> None:
    add_totp(user)
    Authenticator.objects.update(created_at=NOW - timedelta(days=1))

    addresses.undo(token=addresses.undo_token(confirmed(user)), now=NOW)

    # A passkey opens the account without a password: whoever knew it may have added one before.
    assert not Authenticator.objects.exists()


def test_undoing_the_first_change_closes_the_links_of_later_ones(user: User, host: str) -> None:
    first = confirmed(user)
    second = addresses.ask(user=User.objects.get(), new_email="voleur@example.net", now=NOW)
    addresses.confirm(token=addresses.confirm_token(second), now=NOW)

    browser(host).post(undo_page(first))
    thief = browser(host).post(undo_page(second))

    assert thief.status_code == 410
    assert address_of(user) == OLD


@pytest.mark.parametrize(("hours", "status"), [(71, 200), (72, 410)])
def test_the_undo_link_lives_72_hours(user: User, host: str, hours: int, status: int) -> None:
    change = confirmed(user)

    with time_machine.travel(NOW + timedelta(hours=hours), tick=False):
        answer = browser(host).post(undo_page(change))

    assert answer.status_code == status
    assert (address_of(user) == OLD) == (status == 200)


def test_nothing_is_undone_before_it_is_confirmed_and_tokens_do_not_mix(
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


def test_a_closed_account_confirms_nothing(user: User, host: str) -> None:
    change = asked(user)
    User.objects.update(is_active=False)

    assert browser(host).post(confirm_page(change)).status_code == 410


def test_the_letters_go_to_the_right_addresses(
    user: User, tenant: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, str]] = []

    def send(letter: Letter, unit: Unit) -> Outcome:
        sent.append((letter.name, letter.to, letter.paths["link"]))
        return GONE

    monkeypatch.setattr("tenants.accounts.delivery.send", send)
    change = asked(user)
    prepare(ConfirmLetter(), kinds.EMAIL_CONFIRM, tenant)()
    addresses.confirm(token=addresses.confirm_token(change), now=NOW)

    late = prepare(ConfirmLetter(), kinds.EMAIL_CONFIRM, tenant)
    prepare(ChangedLetter(), kinds.EMAIL_CHANGED, tenant)()

    assert late == STALE
    assert sent == [
        ("account_email_confirm", NEW, confirm_page(change)),
        ("account_email_changed", OLD, undo_page(change)),
    ]


def test_changes_are_forgotten_when_their_links_open_nothing(user: User) -> None:
    confirmed(user)
    addresses.ask(user=user, new_email="autre@example.net", now=NOW)

    forgotten = [
        forget_addresses(now=NOW + timedelta(hours=hours), limit=500) for hours in (23, 24, 71, 72)
    ]

    assert forgotten == [0, 1, 0, 1]


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
def test_pages_of_the_account_refuse_strangers_and_wrong_methods(
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
