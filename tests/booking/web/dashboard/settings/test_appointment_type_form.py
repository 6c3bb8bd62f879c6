"""The form of an appointment type: its rules, colour and order, stored as typed."""

import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import (
    AppointmentType,
    CalendarEntry,
)
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.booking.web.dashboard.settings.appointment_type_form import appointment_type
from tests.factories import (
    Cabinet,
    local,
    make_appointment,
    make_link,
)

FRIDAY = date(2026, 11, 13)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def test_an_appointment_type_is_made_with_all_its_rules(owner: Client, cabinet: Cabinet) -> None:
    owner.post(page("appointment_type_add"), appointment_type(cabinet))

    made = AppointmentType.objects.get(label="Suivi")
    assert (made.duration_min, made.buffer_after_min, made.cancel_hours) == (30, 10, 24)
    assert list(made.practitioners.all()) == [cabinet.practitioner]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("horizon_days", "355"),
        ("duration_min", "4"),
        ("practitioners", []),
        ("label", ""),
        ("colour", "12"),
        ("colour", "-1"),
        ("colour", "rouge"),
    ],
)
def test_an_appointment_type_that_breaks_a_rule_is_refused(
    owner: Client, cabinet: Cabinet, field: str, typed: Any
) -> None:
    answer = owner.post(page("appointment_type_add"), appointment_type(cabinet, **{field: typed}))

    assert answer.status_code == 422
    assert AppointmentType.objects.count() == 1


def test_an_appointment_type_has_a_colour_in_google_agenda(owner: Client, cabinet: Cabinet) -> None:
    owner.post(page("appointment_type_add"), appointment_type(cabinet, colour="7"))

    made = AppointmentType.objects.get(label="Suivi")
    shown = owner.get(page("appointment_type_edit", made.ref)).text
    assert made.colour == 7
    assert '<option value="7" selected>Paon</option>' in shown
    assert '<option value="0">Celle de l’agenda</option>' in shown
    assert shown.count("<option", 0, shown.index("Tomate")) >= 12


@pytest.mark.parametrize(
    ("changed", "is_pushed"),
    [({"colour": "11"}, True), ({"label": "Bilan"}, True), ({"price_text": "60 €"}, False)],
    ids=str,
)
def test_events_that_stand_follow_the_name_and_the_colour(
    owner: Client, cabinet: Cabinet, changed: dict[str, str], is_pushed: bool
) -> None:
    make_link(cabinet.practitioner)
    make_appointment(cabinet, local(FRIDAY, 10))
    CalendarEntry.objects.update(pushed=1, state="written")

    owner.post(
        page("appointment_type_edit", cabinet.type.ref),
        appointment_type(cabinet, label="Consultation") | changed,
    )

    entry = CalendarEntry.objects.get()
    assert (entry.version > entry.pushed) is is_pushed


def test_appointment_types_are_ordered_archived_and_taken_back(
    owner: Client, cabinet: Cabinet
) -> None:
    owner.post(page("appointment_type_add"), appointment_type(cabinet))
    second = AppointmentType.objects.get(label="Suivi")

    owner.post(page("appointment_type_change", second.ref), {"action": "up"})
    order = list(AppointmentType.objects.values_list("label", flat=True))
    owner.post(page("appointment_type_change", second.ref), {"action": "archive"})
    archived = AppointmentType.objects.get(pk=second.pk).is_active
    owner.post(page("appointment_type_change", second.ref), {"action": "restore"})

    assert order == ["Suivi", "Consultation"]
    assert (archived, AppointmentType.objects.get(pk=second.pk).is_active) == (False, True)
