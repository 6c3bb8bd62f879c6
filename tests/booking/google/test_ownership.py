"""A link ends with the role of its owner in the agenda, whichever way the role ends."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from booking.feeds import publication
from booking.google import authorization, ownership
from booking.models import Authorization, BusyInterval, GoogleAccount, Practitioner
from booking.practice import team
from booking.rules.erasure import Level
from compliance.retention import expiry
from tenants.accounts.models import Membership, Role, User
from tenants.accounts.services.invitations import Invited, invite, token_of
from tenants.accounts.services.memberships import Terms
from tenants.audit.models import AuditEvent
from tenants.audit.services import actor_of, record
from tenants.keyring.models import DataKey
from tenants.schema import inside
from tests.accounts import PASSWORD, make_member, memberships_of
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import NOW, make_practitioner

Links = Callable[..., LinkedPractice]
TODAY = NOW.date()


def give_agenda(agenda: LinkedPractice, role: Role = Role.PRACTITIONER) -> Membership:
    """Give the agenda to a new user who has connected it, in a practice with another owner."""
    with inside(agenda.unit):
        make_member(Role.OWNER, "dirige@example.org")
        user = make_member(role, "part@example.org")
        Practitioner.objects.filter(pk=agenda.cabinet.practitioner.pk).update(user=user)
        record_consent(agenda, user)
        return memberships_of(user)[0]


def record_consent(agenda: LinkedPractice, user: User) -> None:
    """Record the consent of a user in the audit trail."""
    record(
        verb="calendar.reconnected",
        ref=GoogleAccount.objects.get().ref,
        actor=actor_of(user.pk),
        now=agenda.clock(),
    )


def revoke(agenda: LinkedPractice, membership: Membership) -> None:
    with inside(agenda.unit):
        team.revoke(membership=membership, actor="user:1", on=TODAY, now=agenda.clock())


def change(
    agenda: LinkedPractice, membership: Membership, role: Role, own: Practitioner | None = None
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


def is_linked(agenda: LinkedPractice) -> bool:
    agenda.deliver()
    with inside(agenda.unit):
        return GoogleAccount.objects.exists()


def test_a_revoked_member_receives_no_events_and_blocks_no_time_of_a_successor(
    linked: Links,
) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
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
        assert AuditEvent.objects.filter(verb="calendar.disconnected", actor="user:1").exists()
    assert [entry.status for entry in agenda.google.asked("oauth.revoke")] == [200]


def test_the_link_of_a_revoked_member_ends_even_when_google_does_not_respond(linked: Links) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
    agenda.google.black_hole.open()
    try:
        revoke(agenda, membership)
        assert not is_linked(agenda)
    finally:
        agenda.google.black_hole.close()


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.REPLACEMENT])
def test_a_change_to_a_role_without_agenda_ends_the_link(linked: Links, role: Role) -> None:
    agenda = linked()

    change(agenda, give_agenda(agenda), role)

    assert not is_linked(agenda)


def test_a_change_of_agenda_ends_the_link_of_the_former_agenda(linked: Links) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")

    change(agenda, membership, Role.PRACTITIONER, other)

    assert not is_linked(agenda)


def test_a_change_that_keeps_the_agenda_keeps_the_link(linked: Links) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
    with inside(agenda.unit):
        own = Practitioner.objects.get(user=membership.user)

    change(agenda, membership, Role.PRACTITIONER, own)

    assert is_linked(agenda)


def test_a_revoked_colleague_ends_no_link_of_others(linked: Links) -> None:
    agenda = linked()
    give_agenda(agenda)
    with inside(agenda.unit):
        (colleague,) = memberships_of(make_member(Role.SECRETARY))

    revoke(agenda, colleague)

    assert is_linked(agenda)


@pytest.mark.parametrize("is_theirs", [True, False])
def test_a_user_who_gets_a_free_agenda_keeps_only_a_link_of_their_own_consent(
    linked: Links, is_theirs: bool
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER)
        user = make_member(Role.PRACTITIONER)
        if is_theirs:
            record_consent(agenda, user)
        (membership,) = memberships_of(user)

    change(agenda, membership, Role.PRACTITIONER, agenda.cabinet.practitioner)

    assert is_linked(agenda) is is_theirs


def test_an_invited_user_gets_an_agenda_without_the_link_of_another(linked: Links) -> None:
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
def test_a_revoked_owner_ends_the_link_of_their_consent_in_a_colleagues_agenda(
    linked: Links, loses: str
) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        owner = make_member(Role.OWNER, "part@example.org")
        colleague = make_member(Role.PRACTITIONER)
        Practitioner.objects.filter(pk=agenda.cabinet.practitioner.pk).update(user=colleague)
        record_consent(agenda, owner)
        (membership,) = memberships_of(owner)

    if loses == "access":
        revoke(agenda, membership)
    else:
        change(agenda, membership, Role.SECRETARY)

    assert not is_linked(agenda)


def return_with_consent(agenda: LinkedPractice, user: User) -> None:
    """Return from Google with a consent for the agenda; its exchange waits for a worker."""
    asked: dict[str, Any] = {"user": user, "session_key": "session", "now": agenda.clock()}
    with inside(agenda.unit):
        begun = authorization.begin(
            practitioner=agenda.cabinet.practitioner, is_instant=False, **asked
        )
        back = parse_qs(urlsplit(agenda.google.consent(begun.url, ADDRESS)).query)
        authorization.receive_return(
            state=back["state"][0],
            code=back["code"][0],
            practitioner_ids=[agenda.cabinet.practitioner.pk],
            **asked,
        )


def test_a_consent_that_waits_for_a_worker_makes_no_link_after_its_user_lost_the_role(
    linked: Links,
) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
    with inside(agenda.unit):
        consent_owner = membership.user
    return_with_consent(agenda, consent_owner)

    revoke(agenda, membership)

    assert not is_linked(agenda)
    assert not agenda.google.asked("oauth.token")
    with inside(agenda.unit):
        assert Authorization.objects.get().failure


@pytest.mark.parametrize("whose", ["own", "colleague's"])
def test_a_former_owner_connects_their_own_agenda_only(linked: Links, whose: str) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        owner = make_member(Role.OWNER, "change@example.org")
        other = make_practitioner("Hugo Fictif")
        own = agenda.cabinet.practitioner if whose == "own" else other
        Practitioner.objects.filter(pk=own.pk).update(user=owner)
        own.refresh_from_db()
        (membership,) = memberships_of(owner)
    return_with_consent(agenda, owner)

    change(agenda, membership, Role.PRACTITIONER, own)

    with inside(agenda.unit):
        assert bool(Authorization.objects.get().failure) == (whose != "own")


@pytest.mark.parametrize("days", [0, 1])
def test_on_the_day_after_a_role_nothing_reads_the_agenda_for_its_holder(
    linked: Links, days: int
) -> None:
    agenda = linked()
    membership = give_agenda(agenda)
    with inside(agenda.unit):
        Membership.objects.filter(pk=membership.pk).update(until_on=TODAY)
        feed = publication.open_feed(
            practitioner=agenda.cabinet.practitioner,
            level=Level.REFERENCE,
            is_instructed=False,
            actor="user:1",
            now=agenda.clock(),
        )
        known = publication.token_of(feed)
    agenda.clock.advance(days=days)

    expiry.delete_expired(agenda.unit, now=agenda.clock())

    assert is_linked(agenda) is (days == 0)
    with inside(agenda.unit):
        assert (publication.find(known) is not None) is (days == 0)
        assert Practitioner.objects.filter(user=membership.user).exists()


def test_a_link_of_a_revoked_owner_ends_by_the_daily_expiry(linked: Links) -> None:
    agenda = linked()
    with inside(agenda.unit):
        make_member(Role.OWNER, "reste@example.org")
        gone = make_member(Role.OWNER, "part@example.org")
        record_consent(agenda, gone)
        Membership.objects.filter(user=gone).update(revoked_at=agenda.clock())

    expiry.delete_expired(agenda.unit, now=agenda.clock())

    assert not is_linked(agenda)


def test_a_link_without_a_consent_in_the_audit_trail_is_kept(linked: Links) -> None:
    agenda = linked()
    give_agenda(agenda)
    with inside(agenda.unit):
        GoogleAccount.objects.update(ref=uuid.uuid4())  # as if its audit events were pruned
        assert ownership.consent_owner_of(GoogleAccount.objects.get()) is None
        assert team.end_after_roles(now=agenda.clock(), limit=500) == 0
