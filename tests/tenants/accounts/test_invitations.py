"""Invitations: a single-use link with an expiry creates an account; the e-mail carries no password."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from tenants.accounts import kinds
from tenants.accounts.emails import (
    GONE,
    STALE,
    InvitationEmail,
)
from tenants.accounts.errors import InvitationClosedError, LastOwnerError
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.services import invitations
from tenants.accounts.services.invitations import Invited, token_of
from tenants.accounts.services.memberships import access_of, revoke
from tenants.keyring.services import token_hash
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.accounts import PASSWORD, browser, make_member, memberships_of, sign_in

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def make_invitation(role: Role = Role.SECRETARY, **fields: object) -> Invitation:
    """Return an open invitation."""
    invited = Invited(email="nadia@example.org", role=role, name="Nadia Témoin", **fields)  # type: ignore[arg-type]
    return invitations.invite(invited=invited, invited_by=None, actor="system", now=NOW)


def link(invitation: Invitation) -> str:
    """Return the path of the link."""
    return f"/invitation/{token_of(invitation)}/"


def answer(**fields: str) -> dict[str, str]:
    """Return the form data of an accepted invitation."""
    return {"name": "Nadia Témoin", "password": PASSWORD, **fields}


def test_only_the_hash_of_the_token_is_kept(tenant: Unit) -> None:
    invitation = make_invitation()

    token = token_of(invitation)

    assert bytes(invitation.token_hash) == token_hash(token)
    assert token not in str(list(Invitation.objects.values()))
    assert OutboxEntry.objects.get(kind="account.invitation").subject_id == invitation.pk


def test_getting_the_link_page_changes_no_row(tenant: Unit, host: str) -> None:
    with time_machine.travel(NOW, tick=False):
        invitation = make_invitation()
        shown = browser(host).get(link(invitation))

    invitation.refresh_from_db()
    assert shown.status_code == 200
    assert invitation.accepted_at is None
    assert not User.objects.filter(email="nadia@example.org").exists()


def test_the_link_creates_an_account_once(tenant: Unit, host: str) -> None:
    with time_machine.travel(NOW, tick=False):
        invitation = make_invitation()
        first = browser(host).post(link(invitation), answer())
        second = browser(host).post(link(invitation), answer())

        assert (first.status_code, second.status_code) == (302, 410)
        assert sign_in(browser(host), "nadia@example.org").status_code == 302


def test_choosing_a_password_signs_in(tenant: Unit, host: str) -> None:
    with time_machine.travel(NOW, tick=False):
        client = browser(host)
        joined = client.post(link(make_invitation()), answer())
        inside_now = client.get(reverse("account_sessions"))

    assert joined["Location"] == "/espace/"
    assert inside_now.status_code == 200


def test_an_existing_account_signs_in_separately(tenant: Unit, host: str) -> None:
    make_member(Role.PRACTITIONER, "nadia@example.org")
    with time_machine.travel(NOW, tick=False):
        joined = browser(host).post(link(make_invitation()), {"agreed": "on"})

    assert joined["Location"] == "/connexion/"


def test_a_weak_password_is_explained_and_keeps_the_name(tenant: Unit, host: str) -> None:
    with time_machine.travel(NOW, tick=False):
        shown = browser(host).post(link(make_invitation()), answer(password="court"))

    assert shown.status_code == 200
    assert "Douze caractères" in shown.text
    assert 'value="Nadia Témoin"' in shown.text


@pytest.mark.parametrize("days", [7, 30])
def test_the_link_expires_after_seven_days(tenant: Unit, host: str, days: int) -> None:
    invitation = make_invitation()

    with time_machine.travel(NOW + timedelta(days=days), tick=False):
        shown = browser(host).get(link(invitation))

    assert shown.status_code == 410


def test_a_revoked_or_renewed_link_is_closed(tenant: Unit) -> None:
    revoked, renewed = make_invitation(), make_invitation(Role.OWNER)
    old = token_of(renewed)

    invitations.revoke_invitation(invitation=revoked, actor="system", now=NOW)
    fresh = invitations.renew(invitation=renewed, actor="system", now=NOW)

    assert invitations.find_open(token=token_of(revoked), now=NOW) is None
    assert invitations.find_open(token=old, now=NOW) is None
    assert invitations.find_open(token=token_of(fresh), now=NOW) == renewed


def test_revoking_a_role_revokes_the_open_invitations(tenant: Unit) -> None:
    make_member(Role.OWNER, "maite@example.org")
    unused, used = make_invitation(), make_invitation()
    accepted = invitations.accept(token=token_of(used), password=PASSWORD, name="", now=NOW)

    revoke(membership=accepted.membership, actor="system", on=NOW.date(), now=NOW)

    assert invitations.find_open(token=token_of(unused), now=NOW) is None


def test_an_invitation_that_was_used_is_not_renewed(tenant: Unit) -> None:
    invitation = make_invitation()
    invitations.accept(token=token_of(invitation), password=PASSWORD, name="", now=NOW)

    with pytest.raises(InvitationClosedError):
        invitations.renew(invitation=invitation, actor="system", now=NOW)


def test_an_existing_account_keeps_its_password(tenant: Unit, host: str) -> None:
    make_member(Role.PRACTITIONER, "nadia@example.org")
    with time_machine.travel(NOW, tick=False):
        invitation = make_invitation()
        browser(host).post(link(invitation), {"agreed": "on", "password": "Autre-mot-de-passe-9"})

        assert sign_in(browser(host), "nadia@example.org").status_code == 302
    assert Membership.objects.filter(user__email="nadia@example.org").count() == 2


def test_a_closed_account_that_is_invited_again_chooses_a_new_password(
    tenant: Unit, host: str
) -> None:
    make_member(Role.OWNER)
    colleague = make_member(Role.PRACTITIONER, "nadia@example.org")
    revoke(membership=memberships_of(colleague)[0], actor="system", on=NOW.date(), now=NOW)
    new = "Sept-goélands-au-large"
    with time_machine.travel(NOW, tick=False):
        invitation = make_invitation()

        without = browser(host).post(link(invitation), {"agreed": "on"})
        chosen = browser(host).post(link(invitation), answer(password=new))

        assert (without.status_code, chosen.status_code) == (200, 302)
        assert sign_in(browser(host), "nadia@example.org", new).status_code == 302


def test_a_secretary_invited_for_one_agenda_keeps_only_that_one(tenant: Unit) -> None:
    kept = uuid.UUID(int=7)
    invitation = make_invitation(practitioner_ref=kept)

    accepted = invitations.accept(
        token=token_of(invitation), password=PASSWORD, name="Nadia", now=NOW
    )

    access = access_of(user=accepted.user, own=(), on=date(2026, 11, 10))
    assert access.grants[0].entrusted == frozenset({kept})


def test_an_outdated_or_expired_email_is_not_sent(tenant: Unit) -> None:
    invitation = make_invitation()
    entry = OutboxEntry.objects.get(kind="account.invitation")
    link = kinds.InvitationLink(invitation.generation)
    handler = InvitationEmail()

    late = handler.prepare(entry, link, unit=tenant, now=NOW + timedelta(days=8))
    invitations.renew(invitation=invitation, actor="system", now=NOW)
    older = handler.prepare(entry, link, unit=tenant, now=NOW)

    assert (late, older) == (STALE, GONE)


def test_revoking_the_last_role_closes_the_account_and_its_sessions(
    tenant: Unit, host: str
) -> None:
    make_member(Role.OWNER)
    secretary = make_member(Role.SECRETARY)
    client = browser(host, secretary)
    assert client.get("/espace/").status_code == 200

    revoke(membership=memberships_of(secretary)[0], actor="system", on=NOW.date(), now=NOW)

    assert client.get("/espace/").status_code == 302


def test_revoking_one_of_two_roles_keeps_the_other(tenant: Unit, host: str) -> None:
    owner = make_member(Role.OWNER)
    make_invitation()
    other = make_member(Role.OWNER, "autre@example.org")
    client = browser(host, owner)

    revoke(membership=memberships_of(other)[0], actor="system", on=NOW.date(), now=NOW)

    assert client.get("/espace/").status_code == 200


def test_the_last_owner_cannot_be_revoked(tenant: Unit) -> None:
    owner = make_member(Role.OWNER)

    with pytest.raises(LastOwnerError):
        revoke(membership=memberships_of(owner)[0], actor="system", on=NOW.date(), now=NOW)
