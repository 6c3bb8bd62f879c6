"""Password rules (S-02) and reset links: single use, one hour, one tenant, same response for any address."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.module_loading import import_string

from tenants.accounts import kinds
from tenants.accounts.emails import (
    GONE,
    STALE,
    PasswordResetEmail,
)
from tenants.accounts.models import User
from tenants.accounts.tokens import ResetTokenGenerator
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import Unit, inside, tenant_unit
from tests.accounts import PASSWORD, add_totp, browser, make_member, make_user, sign_in

NOON = datetime(2026, 11, 10, 11, 0, tzinfo=UTC)
NEW = "Sept-goélands-au-large"


@pytest.fixture(autouse=True)
def _empty_cache(services: object) -> None:
    cache.clear()


@pytest.mark.parametrize(
    "password",
    [
        "Court-1",
        "onze-lettre",
        "123456789012",
        "motdepasse2026!",
        "Azertyuiop123",
        "!!bienvenue64!!",
        "aaaaaaaaaaaaaaaa",
        "maite@example.org-1",
    ],
)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(email="maite@example.org"))


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "7294016385520174",
        "galet dune vent sel mer roc pin",
        "un vrai mot long bleu",
        "galet-dune-sel " * 5,
    ],
)
def test_a_long_password_or_seven_words_pass(password: str) -> None:
    validate_password(password, User(email="maite@example.org"))


def test_production_hashes_passwords_with_argon2() -> None:
    import ast
    from pathlib import Path

    source = Path(settings.BASE_DIR, "config", "settings.py").read_text()
    lists = [
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and any(getattr(target, "id", "") == "PASSWORD_HASHERS" for target in node.targets)
    ]
    assert issubclass(import_string(lists[0][0]), Argon2PasswordHasher)


def test_a_reset_request_gets_the_same_response_for_unknown_accounts(
    tenant: Unit, host: str
) -> None:
    user = make_member()
    client = browser(host)

    known = client.post("/mot-de-passe/oublie/", {"email": user.email})
    unknown = client.post("/mot-de-passe/oublie/", {"email": "personne@example.org"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert client.get(known["Location"]).text == client.get(unknown["Location"]).text


def test_a_reset_request_enqueues_the_mail(
    tenant: Unit, host: str, mailoutbox: list[object]
) -> None:
    user = make_member()

    browser(host).post("/mot-de-passe/oublie/", {"email": user.email})

    entry = OutboxEntry.objects.get(kind=kinds.PASSWORD_RESET)
    assert (entry.subject_id, mailoutbox) == (user.pk, [])


def link_of(user: User) -> str:
    """Return the path of a link, as the worker derives it."""
    deliver = PasswordResetEmail().prepare(
        OutboxEntry(kind=kinds.PASSWORD_RESET, subject_id=user.pk, created_at=NOON, due_at=NOON),
        NO_PAYLOAD,
        unit=tenant_unit("t_one"),
        now=NOON,
    )
    assert callable(deliver)
    from allauth.account.utils import user_pk_to_url_str

    key = ResetTokenGenerator().make_token(user)
    return reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": key},
    )


def choose(client: object, link: str, password: str = NEW) -> object:
    """Follow a link and choose a password."""
    shown = client.get(link)  # type: ignore[attr-defined]
    return client.post(  # type: ignore[attr-defined]
        shown["Location"], {"password1": password, "password2": password}
    )


def test_a_link_changes_the_password_once(tenant: Unit, host: str) -> None:
    user = make_member()
    link = link_of(user)
    choose(browser(host), link)

    again = browser(host).get(link)

    assert sign_in(browser(host), user.email, NEW).status_code == 302
    assert again.status_code == 200
    assert "Ce lien ne sert plus" in again.text


def test_a_new_password_by_link_keeps_the_second_factor(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    client, new = browser(host), "Rocher-lande-83x"
    with time_machine.travel(NOON, tick=False):
        form = client.get(link_of(user))["Location"]
        client.post(form, {"password1": new, "password2": new})
        answer = sign_in(client, user.email, new)

        assert client.get("/espace/").status_code == 302

    assert answer["Location"] == "/connexion/code/"


def test_a_link_is_valid_for_one_hour(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        link = link_of(user)

    with time_machine.travel(NOON + timedelta(minutes=61), tick=False):
        answer = browser(host).get(link)

    assert "Ce lien ne sert plus" in answer.text


def test_a_link_of_another_practice_opens_nothing(tenant: Unit, host: str) -> None:
    user = make_member()
    elsewhere = ResetTokenGenerator()
    with inside(tenant_unit("t_two")):
        token = elsewhere.make_token(user)

    assert not elsewhere.check_token(user, token)
    assert elsewhere.check_token(user, elsewhere.make_token(user))


def test_choosing_a_password_deletes_the_recorded_failures(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)
    for _try in range(5):
        sign_in(client, user.email, "Autre-mot-de-passe-9")

    choose(browser(host), link_of(user))

    assert sign_in(client, user.email, NEW).status_code == 302


def test_changing_the_password_needs_the_present_one(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host, user)

    for present in ("", "Un-autre-mot-de-passe-8"):
        client.post(
            "/compte/mot-de-passe/",
            {"oldpassword": present, "password1": NEW, "password2": NEW},
        )

    assert sign_in(browser(host), user.email, NEW).status_code == 200
    assert sign_in(browser(host), user.email).status_code == 302


def test_changing_the_password_ends_the_other_sessions(tenant: Unit, host: str) -> None:
    user = make_member()
    here, there = browser(host, user), browser(host, user)
    assert there.get("/espace/").status_code == 200

    here.post(
        "/compte/mot-de-passe/",
        {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
    )

    assert here.get("/espace/").status_code == 200
    assert there.get("/espace/").status_code == 302
    assert OutboxEntry.objects.filter(kind=kinds.PASSWORD_CHANGED).count() == 1


def test_the_other_sessions_are_closed_on_request(tenant: Unit, host: str) -> None:
    user = make_member()
    here, there = browser(host, user), browser(host, user)
    there.get("/espace/")

    here.post("/compte/sessions/fermer/")

    assert here.get("/espace/").status_code == 200
    assert there.get("/espace/").status_code == 302


def test_no_reset_mail_is_sent_for_a_closed_account_or_an_old_entry(tenant: Unit) -> None:
    user = make_user()
    late = NOON + timedelta(hours=2)
    asked = OutboxEntry(subject_id=user.pk, created_at=NOON, due_at=NOON)
    nobody = OutboxEntry(subject_id=987_654, created_at=NOON, due_at=NOON)

    assert PasswordResetEmail().prepare(asked, NO_PAYLOAD, unit=tenant, now=late) == STALE
    assert PasswordResetEmail().prepare(nobody, NO_PAYLOAD, unit=tenant, now=NOON) == GONE
