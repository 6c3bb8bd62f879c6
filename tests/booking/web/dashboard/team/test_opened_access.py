"""What a person opened for others ends with their own access: replacements, invitations, announcements."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from booking.models import Practitioner, Replacement
from booking.practice import replacements, team
from booking.practice.replacements import Announced
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.services.invitations import Invited, accept, invite, token_of
from tenants.accounts.services.memberships import Terms
from tests.accounts import PASSWORD, browser, make_member, memberships_of
from tests.factories import NOW, Cabinet, make_practitioner
from tests.page_text import collapsed

TODAY = NOW.date()
LONGEST = timedelta(days=184)


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


@pytest.fixture
def titular(cabinet: Cabinet) -> User:
    """Return the owner of the practice."""
    return make_member(Role.OWNER)


@pytest.fixture
def agenda(titular: User) -> Practitioner:
    """Return the agenda of a practitioner with an account."""
    user = make_member(Role.PRACTITIONER, "lea@example.org")
    practitioner = make_practitioner(name="Léa Modèle")
    Practitioner.objects.filter(pk=practitioner.pk).update(user=user)
    practitioner.refresh_from_db()
    return practitioner


def replace(
    agenda: Practitioner,
    by: User,
    *,
    email: str = "prive@example.org",
    from_on: date = TODAY,
    days: int = 90,
) -> Replacement:
    """Announce a replacement and invite its substitute."""
    announced = Announced(
        practitioner=agenda,
        substitute_name="Paul Factice",
        from_on=from_on,
        to_on=from_on + timedelta(days=days),
        email=email,
    )
    return replacements.add(announced=announced, by=by, actor="system", now=NOW)


def accepted(email: str = "prive@example.org") -> Membership:
    """Accept the invitation of an address and return its membership."""
    invitation = Invitation.objects.get(email=email)
    token = token_of(invitation)
    return accept(token=token, password=PASSWORD, name="Paul Factice", now=NOW).membership


def close(user: User) -> None:
    """Close the access of a user."""
    membership = memberships_of(user)[0]
    team.revoke(membership=membership, actor="system", on=TODAY, now=NOW)


def is_open(membership: Membership) -> bool:
    membership.refresh_from_db()
    return membership.revoked_at is None


# --- The longest length --------------------------------------------------------------------------------


def _typed(agenda: Practitioner, last: date, **other: Any) -> dict[str, Any]:
    return {
        "practitioner": agenda.ref,
        "substitute_name": "Paul Factice",
        "from_on": "2026-12-01",
        "to_on": last.isoformat(),
        "email": "prive@example.org",
    } | other


@pytest.mark.parametrize(("days", "status"), [(184, 302), (185, 422), (63_000, 422)])
def test_a_replacement_lasts_six_months_at_most(
    agenda: Practitioner, host: str, days: int, status: int
) -> None:
    client = browser(host, agenda.user)

    answer = client.post(
        page("replacement_add"), _typed(agenda, date(2026, 12, 1) + timedelta(days=days))
    )

    assert answer.status_code == status
    assert Replacement.objects.count() == (status == 302)
    if status == 422:
        assert "six mois au plus" in answer.text
        assert "Paul Factice" in answer.text


@pytest.mark.parametrize(("days", "status"), [(184, 302), (185, 422)])
def test_the_role_of_a_substitute_lasts_six_months_at_most(
    titular: User, agenda: Practitioner, host: str, days: int, status: int
) -> None:
    typed = {
        "name": "Paul Factice",
        "email": "paul@example.org",
        "role": "replacement",
        "agendas": [agenda.ref],
        "from_on": "2026-12-01",
        "until_on": (date(2026, 12, 1) + timedelta(days=days)).isoformat(),
    }

    answer = browser(host, titular).post(page("invite"), typed)

    assert answer.status_code == status


def test_the_database_refuses_a_longer_one(agenda: Practitioner, titular: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Replacement.objects.create(
            practitioner=agenda, substitute_name="x", from_on=TODAY, to_on=TODAY + LONGEST * 2
        )
    for until_on in (TODAY + LONGEST * 2, None):
        invited = Invited("x@example.org", Role.REPLACEMENT, from_on=TODAY, until_on=until_on)
        with pytest.raises(IntegrityError), transaction.atomic():
            invite(invited=invited, invited_by=titular, actor="system", now=NOW)


# --- The end of who opened it ----------------------------------------------------------------------------


def test_a_second_address_of_who_leaves_ends_with_their_access(
    agenda: Practitioner, titular: User, host: str
) -> None:
    colleague = agenda.user
    assert colleague is not None
    replace(agenda, colleague, from_on=datetime.now(UTC).date(), days=30)
    private = accepted()
    client = browser(host, private.user)
    assert client.get(page("today")).status_code == 200

    browser(host, titular).post(
        page("revoke", memberships_of(colleague)[0].ref), {"agenda": "keep"}
    )

    assert not is_open(private)
    assert client.get(page("today")).status_code == 302
    assert not User.objects.get(pk=private.user_id).is_active


def test_invitations_of_who_leaves_end_too(agenda: Practitioner) -> None:
    colleague = agenda.user
    assert colleague is not None
    replace(agenda, colleague)

    close(colleague)

    assert Invitation.objects.get().revoked_at == NOW


def test_announcements_of_who_leaves_end_too(agenda: Practitioner) -> None:
    colleague = agenda.user
    assert colleague is not None
    present = replace(agenda, colleague, email="", days=10)
    replace(agenda, colleague, email="", from_on=TODAY + timedelta(days=20), days=5)

    close(colleague)

    assert [(found.pk, found.to_on) for found in Replacement.objects.all()] == [(present.pk, TODAY)]


def test_what_somebody_else_opened_stays(agenda: Practitioner, titular: User) -> None:
    colleague = agenda.user
    assert colleague is not None
    announced = replace(agenda, titular)
    substitute = accepted()

    close(colleague)

    announced.refresh_from_db()
    assert is_open(substitute)
    assert announced.to_on == TODAY + timedelta(days=90)


def test_losing_the_agenda_role_ends_replacements(agenda: Practitioner) -> None:
    user = agenda.user
    assert user is not None
    replace(agenda, user)
    substitute = accepted()

    team.change(
        membership=memberships_of(user)[0],
        terms=Terms(role=Role.SECRETARY),
        agenda=None,
        actor="system",
        on=TODAY,
        now=NOW,
    )

    assert not is_open(substitute)


def test_an_owner_who_leaves_keeps_the_team_and_ends_invitations(
    agenda: Practitioner, titular: User
) -> None:
    other = make_member(Role.OWNER, "autre@example.org")
    for name in ("secretaire", "en-attente"):
        invited = Invited(f"{name}@example.org", Role.SECRETARY)
        invite(invited=invited, invited_by=other, actor="system", now=NOW)
    secretary = accepted("secretaire@example.org")

    ending = team.ending_with(memberships_of(other)[0], on=TODAY)
    close(other)

    assert [found.pk for found in ending.access.kept] == [secretary.pk]
    assert is_open(secretary)
    assert Invitation.objects.get(email="en-attente@example.org").revoked_at == NOW


def test_a_role_that_ends_by_its_date_ends_what_it_opened(agenda: Practitioner) -> None:
    user = agenda.user
    assert user is not None
    replace(agenda, user)
    substitute = accepted()
    Membership.objects.filter(user=user).update(until_on=TODAY)

    during = team.end_opened_after_roles(now=NOW, limit=500)
    still_open = is_open(substitute)
    after = team.end_opened_after_roles(now=NOW + timedelta(days=1), limit=500)
    again = team.end_opened_after_roles(now=NOW + timedelta(days=1), limit=500)

    assert (during, still_open, after, is_open(substitute), again) == (0, True, 1, False, 0)


def test_a_replacement_taken_back_ends_the_access_opened_with_it(
    agenda: Practitioner, host: str
) -> None:
    user = agenda.user
    assert user is not None
    announced = replace(agenda, user)
    substitute = accepted()
    other = replace(agenda, user, email="b@example.org", from_on=TODAY + timedelta(days=100))

    browser(host, user).post(page("replacement_remove", announced.ref))

    assert not is_open(substitute)
    assert Replacement.objects.get() == other
    assert Invitation.objects.get(email="b@example.org").revoked_at is None


def test_the_page_lists_what_ends_and_what_stays(
    agenda: Practitioner, titular: User, host: str
) -> None:
    colleague = agenda.user
    assert colleague is not None
    replace(agenda, colleague)
    accepted()
    replace(agenda, colleague, email="plus-tard@example.org", from_on=TODAY + timedelta(days=100))

    client: Client = browser(host, titular)
    text = collapsed(client.get(page("revoke", memberships_of(colleague)[0].ref)).text)
    own = collapsed(client.get(page("revoke", memberships_of(titular)[0].ref)).text)

    assert "Ce que cette personne a ouvert se termine aussi" in text
    assert "l’accès de remplaçant de Paul Factice (prive@example.org)" in text
    assert "l’invitation sans réponse de plus-tard@example.org (Remplaçant)" in text
    assert "le remplacement confié à Paul Factice" in text
    assert "se termine aussi" not in own
