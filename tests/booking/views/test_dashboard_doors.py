"""Every page of the dashboard: opens for who may, refuses the stranger, refuses the wrong method."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.urls import reverse

from booking.models import Absence, OpeningException, OpeningHours, Replacement
from booking.urls_dashboard import urlpatterns
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member, memberships_of
from tests.factories import NOW, Cabinet, make_appointment

READERS = (
    "today",
    "week",
    "book",
    "appointment",
    "move",
    "cancel",
    "correct",
    "erase",
    "hours",
    "week_add",
    "week_edit",
    "date_edit",
    "absence_add",
    "absence",
    "motifs",
    "motif_add",
    "motif_edit",
    "places",
    "place_add",
    "place_edit",
    "team",
    "invite",
    "revoke",
    "agenda_add",
    "agenda_edit",
    "replacement_add",
    "letters",
    "digest",
    "texts",
    "text",
    "statistics",
    "statistics_table",
    "practice",
)
READ_ONLY = (
    "today", "week", "appointment", "hours", "absence", "motifs", "places", "team", "letters", "texts",
    "statistics", "statistics_table",
)  # fmt: skip
ACTS = (
    "seen",
    "mark",
    "call",
    "resend",
    "week_remove",
    "date_forget",
    "holidays",
    "absence_remove",
    "motif_change",
    "place_change",
    "invitation_change",
    "replacement_remove",
)
SECRETARY = {
    "today", "week", "book", "appointment", "move", "cancel", "correct", "erase",
    "hours", "absence_add", "absence", "letters", "digest",
}  # fmt: skip
PRACTITIONER = SECRETARY | {
    "week_add", "week_edit", "date_edit", "replacement_add", "statistics", "statistics_table",
}  # fmt: skip
REPLACEMENT = {
    "today", "week", "book", "appointment", "move", "cancel", "correct", "erase", "letters", "digest",
}  # fmt: skip

Address = Callable[[str], str]


@pytest.fixture
def address(cabinet: Cabinet) -> Address:
    """Return a function that gives the address of each page, about something that exists."""
    member = make_member(Role.OWNER, "titulaire@example.org")
    held = make_appointment(cabinet, NOW + timedelta(days=2))
    absence = Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=NOW + timedelta(days=9),
        ends_at=NOW + timedelta(days=10),
    )
    week = OpeningHours.objects.filter(practitioner=cabinet.practitioner).first()
    assert week is not None
    exception = OpeningException.objects.create(
        practitioner=cabinet.practitioner, location=cabinet.location, on_date=date(2026, 12, 1)
    )
    replacement = Replacement.objects.create(
        practitioner=cabinet.practitioner,
        substitute_name="Paul Factice",
        from_on=date(2026, 12, 7),
        to_on=date(2026, 12, 9),
    )
    who = cabinet.practitioner.ref
    entry = OutboxEntry.objects.filter(object_id=held.pk)[0]
    arguments: dict[str, list[uuid.UUID | str]] = {
        "resend": [entry.ref],
        "text": ["confirmation"],
        **{
            key: [held.ref]
            for key in ("appointment", "mark", "call", "move", "cancel", "correct", "erase")
        },
        "week_add": [who],
        "week_edit": [who, week.ref],
        "week_remove": [who, week.ref],
        "date_edit": [who],
        "date_forget": [who, exception.ref],
        "holidays": [cabinet.location.ref],
        "absence": [absence.ref],
        "absence_remove": [absence.ref],
        "motif_edit": [cabinet.type.ref],
        "motif_change": [cabinet.type.ref],
        "place_edit": [cabinet.location.ref],
        "place_change": [cabinet.location.ref],
        "invitation_change": [uuid.uuid4()],
        "revoke": [memberships_of(member)[0].ref],
        "agenda_edit": [who],
        "replacement_remove": [replacement.ref],
    }
    return lambda name: reverse(f"dashboard:{name}", args=arguments.get(name, []))


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == {*READERS, *ACTS}


@pytest.mark.parametrize("name", READERS)
def test_the_owner_opens_every_page(address: Address, host: str, name: str) -> None:
    answer = browser(host, make_member(Role.OWNER)).get(address(name))

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("name", [*READERS, *ACTS])
def test_a_stranger_is_sent_to_the_door(address: Address, host: str, name: str) -> None:
    answer = browser(host).post(address(name))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/connexion/?next=")


@pytest.mark.parametrize("name", [*READ_ONLY])
def test_reading_pages_take_no_post(address: Address, host: str, name: str) -> None:
    answer = browser(host, make_member(Role.OWNER)).post(address(name))

    assert answer.status_code == 405


@pytest.mark.parametrize("name", ACTS)
def test_acts_take_no_get(address: Address, host: str, name: str) -> None:
    answer = browser(host, make_member(Role.OWNER)).get(address(name))

    assert answer.status_code == 405


def opened(address: Address, host: str, role: Role, cabinet: Cabinet, **fields: object) -> set[str]:
    """Return the names of the pages that a role opens."""
    user = make_member(role, **fields)  # type: ignore[arg-type]  # only entrusted is given
    if role is Role.PRACTITIONER:
        cabinet.practitioner.user = user
        cabinet.practitioner.save(update_fields=["user"])
    client = browser(host, user)
    return {name for name in READERS if client.get(address(name)).status_code == 200}


def test_a_secretary_opens_the_agenda_and_no_setting(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    assert opened(address, host, Role.SECRETARY, cabinet) == SECRETARY


def test_a_practitioner_opens_their_own_agenda_and_hours(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    assert opened(address, host, Role.PRACTITIONER, cabinet) == PRACTITIONER


def test_a_replacement_opens_the_agenda_it_keeps(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    kept = [cabinet.practitioner.ref]

    assert opened(address, host, Role.REPLACEMENT, cabinet, entrusted=kept) == REPLACEMENT


def test_a_replacement_of_somebody_else_sees_nothing_of_this_agenda(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    user = make_member(Role.REPLACEMENT, entrusted=[uuid.uuid4()])

    answer = browser(host, user).get(address("appointment"))

    assert answer.status_code == 404


def test_a_practitioner_does_not_see_a_colleagues_appointment(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    from tests.factories import make_practitioner  # only here

    colleague = make_member(Role.PRACTITIONER)
    make_practitioner("Hugo Fictif", user=colleague)

    statuses = [
        browser(host, colleague).get(address(name)).status_code
        for name in ("appointment", "cancel", "move", "week_edit", "absence")
    ]

    assert statuses == [404] * 5


def test_a_refused_role_is_told_so(address: Address, host: str) -> None:
    answer = browser(host, make_member(Role.SECRETARY)).get(address("practice"))

    assert answer.status_code == 403
    assert "pas ouverte à votre rôle" in answer.text
