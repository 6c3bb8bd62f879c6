"""People who leave: what becomes of their agenda, and of its visits."""

import uuid
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import Appointment, Practitioner
from booking.rules import kinds
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Role, User
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member, memberships_of
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_hours,
    make_practitioner,
    make_type,
)

DAY = date(2026, 11, 12)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


@pytest.fixture
def leaver(owner: Client, cabinet: Cabinet) -> User:
    """Return the practitioner who leaves: the agenda of the practice is theirs."""
    user = make_member(Role.PRACTITIONER)
    cabinet.practitioner.user = user
    cabinet.practitioner.save(update_fields=["user"])
    return user


@pytest.fixture
def colleague(cabinet: Cabinet) -> Practitioner:
    """Return a colleague who gives the same type at the same hours."""
    made = make_practitioner("Ane Exemple", position=1)
    cabinet.type.practitioners.add(made)
    make_hours(made, cabinet.location)
    return made


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def revoke(owner: Client, leaver: User, **typed: str) -> int:
    """Close the access of the leaver with these answers."""
    return owner.post(page("revoke", memberships_of(leaver)[0].ref), typed).status_code


def offered(cabinet: Cabinet) -> set[int]:
    """Return the keys of the practitioners with whom a stranger is offered a slot."""
    slots = free_slots(appointment_type=cabinet.type, from_on=DAY, until_on=DAY, now=NOW)
    return {slot.practitioner_id for slot in slots}


def test_closing_an_access_shows_the_visits_and_asks(
    owner: Client, cabinet: Cabinet, leaver: User
) -> None:
    for hour in (10, 14):
        make_appointment(cabinet, local(DAY, hour))

    shown = owner.get(page("revoke", memberships_of(leaver)[0].ref)).text

    assert "2 rendez-vous sont prévus." in shown.replace("\u00a0", " ")
    assert "Que devient son agenda" in shown
    assert revoke(owner, leaver) == 422
    assert memberships_of(leaver)[0].revoked_at is None


def test_a_closed_agenda_is_not_offered_and_its_visits_stay_visible(
    owner: Client, cabinet: Cabinet, leaver: User
) -> None:
    """A practitioner who has left is no longer booked online."""
    appointment = make_appointment(cabinet, local(DAY, 10))
    assert offered(cabinet) == {cabinet.practitioner.pk}

    assert revoke(owner, leaver, agenda="close") == 302

    assert offered(cabinet) == set()
    assert memberships_of(leaver)[0].revoked_at is not None
    week = owner.get(page("week"), {"du": DAY.isoformat()}).text
    assert "Camille" in week
    assert owner.get(page("appointment", appointment.ref)).status_code == 200
    assert str(cabinet.practitioner.ref) not in owner.get(page("book")).text
    move = {"day": DAY.isoformat(), "hour": "15h", "anyway": "on"}
    assert owner.post(page("move", appointment.ref), move).status_code == 302
    appointment.refresh_from_db()
    assert appointment.starts_at == local(DAY, 15)
    assert appointment.practitioner == cabinet.practitioner


def test_an_agenda_is_handed_over_and_conflicts_are_left(
    owner: Client, cabinet: Cabinet, leaver: User, colleague: Practitioner
) -> None:
    free = make_appointment(cabinet, local(DAY, 10))
    taken = make_appointment(cabinet, local(DAY, 14))
    own = Cabinet.__new__(Cabinet)
    own.__dict__.update(cabinet.__dict__, practitioner=colleague)
    make_appointment(own, local(DAY, 14))
    other_type = make_type([cabinet.practitioner], [cabinet.location], label="Bilan")
    special = make_appointment(cabinet, local(DAY, 16))
    Appointment.objects.filter(pk=special.pk).update(appointment_type=other_type)

    assert revoke(owner, leaver, agenda="hand_over") == 422
    answer = owner.post(
        page("revoke", memberships_of(leaver)[0].ref),
        {"agenda": "hand_over", "colleague": str(colleague.ref)},
        follow=True,
    )

    for row, whose in (
        (free, colleague),
        (taken, cabinet.practitioner),
        (special, cabinet.practitioner),
    ):
        row.refresh_from_db()
        assert row.practitioner == whose
    assert free.starts_at == local(DAY, 10)
    assert OutboxEntry.objects.filter(kind=kinds.MOVED, subject_id=free.pk).exists()
    assert not OutboxEntry.objects.filter(kind=kinds.MOVED, subject_id=taken.pk).exists()
    words = answer.text.replace("\u00a0", " ")
    assert "1 rendez-vous passe à Ane Exemple." in words
    assert "2 rendez-vous restent à traiter" in words
    left = owner.get(page("agenda_edit", cabinet.practitioner.ref)).text
    assert page("appointment", taken.ref) in left
    assert page("appointment", free.ref) not in left


def test_an_agenda_may_be_kept_open(owner: Client, cabinet: Cabinet, leaver: User) -> None:
    assert revoke(owner, leaver, agenda="keep") == 302

    assert offered(cabinet) == {cabinet.practitioner.pk}
    assert Practitioner.objects.get(pk=cabinet.practitioner.pk).user is None


def test_agendas_are_closed_reopened_and_ordered(
    owner: Client, cabinet: Cabinet, colleague: Practitioner
) -> None:
    address = page("agenda_change", colleague.ref)

    owner.post(address, {"action": "up"})
    assert list(Practitioner.objects.all()) == [colleague, cabinet.practitioner]
    owner.post(address, {"action": "archive"})
    assert offered(cabinet) == {cabinet.practitioner.pk}
    assert "Fermé aux nouveaux rendez-vous" in owner.get(page("team")).text
    owner.post(address, {"action": "restore"})
    assert offered(cabinet) == {cabinet.practitioner.pk, colleague.pk}
    assert owner.post(address, {"action": "?"}).status_code == 404
    assert owner.get(address).status_code == 405


def test_only_who_manages_the_team_changes_agendas(cabinet: Cabinet, host: str) -> None:
    stranger = browser(host, make_member(Role.SECRETARY))

    answer = stranger.post(page("agenda_change", cabinet.practitioner.ref), {"action": "archive"})

    assert answer.status_code == 403
    assert Practitioner.objects.get(pk=cabinet.practitioner.pk).is_active


def test_a_practitioner_finds_the_page_that_announces_a_replacement(
    cabinet: Cabinet, host: str, leaver: User
) -> None:
    own = browser(host, leaver)

    assert page("replacement_add") in own.get(page("hours")).text
    assert own.get(page("replacement_add")).status_code == 200
