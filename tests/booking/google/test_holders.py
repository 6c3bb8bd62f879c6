"""A link ends with the part that its owner has in the agenda, whichever way they lose it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from booking.event_body import Level
from booking.models import Authorization, BusyInterval, GoogleAccount, Practitioner
from booking.services import feeds, team
from booking.services.google import authorizing, holders
from compliance.retention import purge
from tenants.accounts.models import Membership, Role, User
from tenants.accounts.services.invitations import Invited, invite, token_of
from tenants.accounts.services.memberships import Terms
from tenants.keyring.models import DataKey
from tenants.schema import inside
from tenants.trail.models import Act
from tenants.trail.services import actor_of, record
from tests.accounts import PASSWORD, make_member, memberships_of
from tests.booking.google.conftest import ADDRESS, Linked
from tests.factories import NOW, local, make_practitioner

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
Links = Callable[..., Linked]
TODAY = NOW.date()


def hold(agenda: Linked, role: Role = Role.PRACTITIONER) -> Membership:
    """Give the agenda to somebody who has connected it themselves, beside an owner who stays."""
    with inside(agenda.unit):
        make_member(Role.OWNER, "dirige@example.org")
        user = make_member(role, "part@example.org")
        Practitioner.objects.filter(pk=agenda.cabinet.practitioner.pk).update(user=user)
        give(agenda, user)
        return memberships_of(user)[0]


def give(agenda: Linked, user: User) -> None:
    """Write in the trail that somebody has given the consent."""
    record(
        verb="calendar.reconnected",
        ref=GoogleAccount.objects.get().ref,
        actor=actor_of(user.pk),
        now=agenda.clock(),
    )


def revoke(agenda: Linked, membership: Membership) -> None:
    with inside(agenda.unit):
        team.revoke(membership=membership, actor="user:1", on=TODAY, now=agenda.clock())


def change(
    agenda: Linked, membership: Membership, role: Role, own: Practitioner | None = None
) -> None:
    with inside(agenda.unit):
        team.change(
            membership=membership,
            terms=Terms(role=role, from_on=TODAY, until_on=MONDAY.date())
            if role is Role.REPLACEMENT
            else Terms(role=role),
            agenda=own,
            actor="user:1",
            on=TODAY,
            now=agenda.clock(),
        )


def is_linked(agenda: Linked) -> bool:
    agenda.deliver()
    with inside(agenda.unit):
        return GoogleAccount.objects.exists()


def test_who_leaves_receives_nobody_any_more_and_bars_no_time_of_a_successor(
    linked: Links,
) -> None:
    agenda = linked()
    membership = hold(agenda)
    agenda.book(MONDAY)
    agenda.google.add_event(ADDRESS, MONDAY + timedelta(hours=3), MONDAY + timedelta(hours=4))
    agenda.deliver()
    agenda.poll()
    calendar, key = agenda.calendar(), agenda.account().data_key_id

    revoke(agenda, membership)
    agenda.book(MONDAY + timedelta(hours=1), last_name="Suivant")
    with inside(agenda.unit):
        assert not BusyInterval.objects.exists()
    agenda.deliver()

    assert not is_linked(agenda)
    assert [event["summary"] for event in agenda.events(calendar=calendar)] == ["Camille Spécimen"]
    with inside(agenda.unit):
        assert not DataKey.objects.filter(pk=key or 0).exists()
        assert Act.objects.filter(verb="calendar.left", actor="user:1").exists()
    assert [entry.status for entry in agenda.google.asked("oauth.revoke")] == [200]


def test_with_google_away_who_leaves_receives_nobody_either(linked: Links) -> None:
    agenda = linked()
    membership = hold(agenda)
    agenda.google.black_hole.open()
    try:
        revoke(agenda, membership)
        assert not is_linked(agenda)
    finally:
        agenda.google.black_hole.close()


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.REPLACEMENT])
def test_who_changes_to_a_role_without_agenda_takes_no_link_along(
    linked: Links, role: Role
) -> None:
    agenda = linked()

    change(agenda, hold(agenda), role)

    assert not is_linked(agenda)


def test_who_changes_agenda_leaves_the_link_of_the_former(linked: Links) -> None:
    agenda = linked()
    membership = hold(agenda)
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")

    change(agenda, membership, Role.PRACTITIONER, other)

    assert not is_linked(agenda)


def test_who_keeps_the_agenda_keeps_the_link(linked: Links) -> None:
    agenda = linked()
    membership = hold(agenda)
    with inside(agenda.unit):
        own = Practitioner.objects.get(user=membership.user)

    change(agenda, membership, Role.PRACTITIONER, own)

    assert is_linked(agenda)


def test_a_colleague_who_leaves_ends_no_link_of_others(linked: Links) -> None:
    agenda = linked()
    hold(agenda)
    with inside(agenda.unit):
        (colleague,) = memberships_of(make_member(Role.SECRETARY))

    revoke(agenda, colleague)

    assert is_linked(agenda)


@pytest.mark.parametrize("is_theirs", [True, False])
def test_a_free_agenda_that_somebody_takes_keeps_the_link_that_they_gave_only(
    linked: Links, is_theirs: bool
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER)
        user = make_member(Role.PRACTITIONER)
        if is_theirs:
            give(agenda, user)
        (membership,) = memberships_of(user)

    change(agenda, membership, Role.PRACTITIONER, agenda.cabinet.practitioner)

    assert is_linked(agenda) is is_theirs


def test_who_is_invited_to_an_agenda_takes_it_without_the_link_of_another(linked: Links) -> None:
    agenda = linked()
    invited = Invited(
        email="succede@example.org",
        role=Role.PRACTITIONER,
        name="Succède Exemple",
        practitioner_ref=agenda.cabinet.practitioner.ref,
    )
    with inside(agenda.unit):
        owner = make_member(Role.OWNER)
        invitation = invite(invited=invited, invited_by=owner, actor="user:1", now=agenda.clock())
        team.join(token=token_of(invitation), password=PASSWORD, name="Succède", now=agenda.clock())
        assert Practitioner.objects.get(user__isnull=False) == agenda.cabinet.practitioner

    assert not is_linked(agenda)


@pytest.mark.parametrize("loses", ["access", "role"])
def test_an_owner_who_leaves_takes_along_no_link_that_they_gave_to_a_colleagues_agenda(
    linked: Links, loses: str
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        owner = make_member(Role.OWNER, "part@example.org")
        colleague = make_member(Role.PRACTITIONER)
        Practitioner.objects.filter(pk=agenda.cabinet.practitioner.pk).update(user=colleague)
        give(agenda, owner)
        (membership,) = memberships_of(owner)

    if loses == "access":
        revoke(agenda, membership)
    else:
        change(agenda, membership, Role.SECRETARY)

    assert not is_linked(agenda)


def consent(agenda: Linked, user: User) -> None:
    """Come back from Google with a consent for the agenda, which waits for a worker."""
    asked: dict[str, Any] = {"user": user, "session_key": "session", "now": agenda.clock()}
    with inside(agenda.unit):
        begun = authorizing.begin(
            practitioner=agenda.cabinet.practitioner, is_instant=False, **asked
        )
        back = parse_qs(urlsplit(agenda.google.consent(begun.url, ADDRESS)).query)
        authorizing.take_back(state=back["state"][0], code=back["code"][0], **asked)


def test_a_consent_that_waits_for_a_worker_makes_no_link_once_its_giver_has_left(
    linked: Links,
) -> None:
    agenda = linked()
    membership = hold(agenda)
    with inside(agenda.unit):
        giver = membership.user
    consent(agenda, giver)

    revoke(agenda, membership)

    assert not is_linked(agenda)
    assert not agenda.google.asked("oauth.token")
    with inside(agenda.unit):
        assert Authorization.objects.get().failure


@pytest.mark.parametrize("whose", ["own", "colleague's"])
def test_who_manages_the_practice_no_more_connects_their_own_agenda_only(
    linked: Links, whose: str
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        owner = make_member(Role.OWNER, "change@example.org")
        other = make_practitioner("Hugo Fictif")
        own = agenda.cabinet.practitioner if whose == "own" else other
        Practitioner.objects.filter(pk=own.pk).update(user=owner)
        own.refresh_from_db()
        (membership,) = memberships_of(owner)
    consent(agenda, owner)

    change(agenda, membership, Role.PRACTITIONER, own)

    with inside(agenda.unit):
        assert bool(Authorization.objects.get().failure) == (whose != "own")


@pytest.mark.parametrize("days", [0, 1])
def test_on_the_day_after_a_role_nothing_reads_the_agenda_for_its_holder(
    linked: Links, days: int
) -> None:
    agenda = linked()
    membership = hold(agenda)
    with inside(agenda.unit):
        Membership.objects.filter(pk=membership.pk).update(until_on=TODAY)
        feed = feeds.open_feed(
            practitioner=agenda.cabinet.practitioner,
            level=Level.REFERENCE,
            is_instructed=False,
            actor="user:1",
            now=agenda.clock(),
        )
        known = feeds.token_of(feed)
    agenda.clock.pass_(days=days)

    purge.tidy(agenda.unit, now=agenda.clock())

    assert is_linked(agenda) is (days == 0)
    with inside(agenda.unit):
        assert (feeds.find(known) is not None) is (days == 0)
        assert Practitioner.objects.filter(user=membership.user).exists()


def test_a_link_of_an_owner_who_is_gone_ends_even_where_nobody_saw_them_go(linked: Links) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        gone = make_member(Role.OWNER, "part@example.org")
        give(agenda, gone)
        Membership.objects.filter(user=gone).update(revoked_at=agenda.clock())

    purge.tidy(agenda.unit, now=agenda.clock())

    assert not is_linked(agenda)


def test_a_link_of_which_the_trail_knows_nothing_is_left(linked: Links) -> None:
    agenda = linked()
    hold(agenda)
    with inside(agenda.unit):
        GoogleAccount.objects.update(ref=uuid.uuid4())  # as if its acts were pruned
        assert holders.giver_of(GoogleAccount.objects.get()) is None
        assert team.end_after_roles(now=agenda.clock(), limit=500) == 0
