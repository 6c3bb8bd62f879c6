"""Members, agendas and replacements in the dashboard: invite, change, close."""

import uuid
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import (
    Practitioner,
    Replacement,
)
from tenants.accounts.models import Invitation, Membership, Role
from tests.accounts import browser, make_member, memberships_of
from tests.factories import (
    Cabinet,
)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def test_the_team_invites_and_closes(owner: Client, cabinet: Cabinet) -> None:
    typed = {"name": "Nadia Témoin", "email": "nadia@example.org", "role": "secretary"}

    owner.post(page("invite"), typed)
    invitation = Invitation.objects.get()
    owner.post(page("invitation_change", invitation.ref), {"action": "resend"})
    renewed = Invitation.objects.get().generation
    owner.post(page("invitation_change", invitation.ref), {"action": "close"})

    assert renewed == 1
    assert Invitation.objects.get().revoked_at is not None


def test_a_practitioner_is_invited_with_an_agenda(owner: Client, cabinet: Cabinet) -> None:
    typed = {"name": "Hugo Fictif", "email": "hugo@example.org", "role": "practitioner"}

    refused = owner.post(page("invite"), typed)
    passed = owner.post(page("invite"), {**typed, "practitioner": cabinet.practitioner.ref})

    assert (refused.status_code, passed.status_code) == (422, 302)


def test_revoking_the_last_owner_is_refused_in_words(owner: Client) -> None:
    membership = Membership.objects.get()

    answer = owner.post(page("revoke", membership.ref), follow=True)

    assert "Il faut au moins un titulaire" in answer.text


def test_revoking_a_colleague(owner: Client) -> None:
    colleague = make_member(Role.SECRETARY)

    owner.post(page("revoke", memberships_of(colleague)[0].ref))

    assert memberships_of(colleague)[0].revoked_at is not None


def test_an_agenda_is_added(owner: Client) -> None:
    owner.post(page("agenda_add"), {"name": "Léa Modèle", "title": "Kinésithérapeute"})

    assert Practitioner.objects.get(name="Léa Modèle").position == 1


def test_a_replacement_is_announced_invited_and_alone(owner: Client, cabinet: Cabinet) -> None:
    typed = {
        "practitioner": cabinet.practitioner.ref,
        "substitute_name": "Paul Factice",
        "from_on": "2026-11-16",
        "to_on": "2026-11-20",
        "email": "paul@example.org",
    }

    passed = owner.post(page("replacement_add"), typed)
    again = owner.post(page("replacement_add"), {**typed, "substitute_name": "Zoé Autre"})

    invitation = Invitation.objects.get()
    assert (passed.status_code, again.status_code) == (302, 422)
    assert Replacement.objects.get().substitute_name == "Paul Factice"
    assert (invitation.role, invitation.until_on) == (Role.REPLACEMENT, date(2026, 11, 20))
    assert invitation.practitioner_ref == cabinet.practitioner.ref


def test_invitations_past_the_limit_of_the_day_are_refused_in_words(
    owner: Client, cabinet: Cabinet
) -> None:
    typed = {"name": "Nadia Témoin", "email": "nadia@example.org", "role": "secretary"}
    announced = {
        "practitioner": cabinet.practitioner.ref,
        "substitute_name": "Paul Factice",
        "from_on": "2026-12-16",
        "to_on": "2026-12-20",
        "email": "nadia@example.org",
    }
    passed = [owner.post(page("invite"), typed).status_code for _number in range(4)]

    refused = owner.post(page("invite"), typed)
    renewed = owner.post(
        page("invitation_change", Invitation.objects.all()[0].ref),
        {"action": "resend"},
        follow=True,
    )
    replaced = owner.post(page("replacement_add"), announced)

    assert passed == [302] * 4
    assert (refused.status_code, replaced.status_code) == (422, 422)
    for answer in (refused, renewed, replaced):
        assert "Assez d’invitations sont parties aujourd’hui" in answer.text
    assert (Invitation.objects.count(), Replacement.objects.count()) == (4, 0)
