"""Every cell of the table of rights (G-12), tried through the served pages, plain and htmx alike."""

import itertools
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from booking.web.dashboard.urls import urlpatterns
from tenants.accounts.models import Role, User
from tenants.accounts.permissions import RIGHTS, Operation, Whose
from tenants.audit.models import AuditEvent
from tests.accounts import browser, make_member
from tests.booking.web.samples import (
    NO_PAGE_YET,
    SAMPLES,
    RightsDataset,
    Sample,
    undone,
)
from tests.factories import NOW, Cabinet, make_practitioner

REQUESTS: dict[str, dict[str, str]] = {"plain": {}, "htmx": {"HX-Request": "true"}}
DONE = {200, 204, 302}
REFUSED = {403, 404, 422}
"""422: the agenda is not among those that the form offers."""
YESTERDAY = NOW.date() - timedelta(days=1)
TOMORROW = NOW.date() + timedelta(days=1)


@pytest.fixture
def dataset(cabinet: Cabinet) -> RightsDataset:
    """Return a practice of two agendas, with an appointment in the first one."""
    made = RightsDataset.of(cabinet)
    make_practitioner("Hugo Fictif")
    return made


def somebody(dataset: RightsDataset, role: Role, whose: Whose, **dates: Any) -> User:
    """Return somebody to whom the first agenda is ``whose``; for the practice they have no agenda."""
    nobody, colleague = uuid.uuid4(), make_practitioner("Léa Modèle")
    entrusted = {
        Whose.OWN: [nobody] if role is Role.SECRETARY else [],
        Whose.ENTRUSTED: [dataset.agenda.ref],
        Whose.OTHER: [colleague.ref],
        Whose.PRACTICE: [nobody] if role is Role.SECRETARY else [],
    }[whose]
    user = make_member(role, entrusted=entrusted, **dates)
    if whose is Whose.OWN:
        dataset.agenda.user = user
        dataset.agenda.save(update_fields=["user"])
    if whose is Whose.OTHER and role is Role.PRACTITIONER:
        colleague.user = user
        colleague.save(update_fields=["user"])
    return user


def send(client: Client, sample: Sample, dataset: RightsDataset, headers: dict[str, str]) -> Any:
    """Send the request of a sample."""
    if sample.data is None:
        return client.get(sample.address(dataset), headers=headers)
    return client.post(sample.address(dataset), sample.data(dataset), headers=headers)


def outcome(
    client: Client, sample: Sample, dataset: RightsDataset, headers: dict[str, str]
) -> bool:
    """Return whether the request did it; its answer and the audit trail must say the same."""
    before = AuditEvent.objects.count()
    answer = send(client, sample, dataset, headers)
    is_done = answer.status_code in DONE
    assert is_done or answer.status_code in REFUSED, answer.status_code
    assert not answer.get("Location", "").startswith("/connexion/")
    if sample.leaves:
        written = list(AuditEvent.objects.order_by("id").values_list("verb", flat=True)[before:])
        assert (sample.leaves in written) == is_done, (answer.status_code, written)
    return is_done


def test_every_operation_has_a_sample() -> None:
    assert set(SAMPLES) | NO_PAGE_YET == set(Operation)
    assert all(SAMPLES.values())


def test_every_page_asks_for_an_operation_that_is_tried() -> None:
    asked = {pattern.name: getattr(pattern.callback, "operation", None) for pattern in urlpatterns}

    # The pulse of an open page says 401, never a sign-in page; test_dashboard_grid tries its doors.
    assert {name for name, operation in asked.items() if operation is None} == {"pulse"}
    assert {operation for operation in asked.values() if operation} <= set(SAMPLES)


@pytest.mark.parametrize(("role", "whose"), list(itertools.product(Role, Whose)))
def test_each_cell_holds_over_http(
    dataset: RightsDataset, host: str, role: Role, whose: Whose
) -> None:
    client = browser(host, somebody(dataset, role, whose))

    found = {
        (operation, kind): [
            undone(outcome, client, sample, dataset, headers) for sample in SAMPLES[operation]
        ]
        for operation in SAMPLES
        for kind, headers in REQUESTS.items()
    }

    allowed = RIGHTS[role][whose]
    assert found == {
        (operation, kind): [operation in allowed] * len(SAMPLES[operation])
        for operation in SAMPLES
        for kind in REQUESTS
    }


@pytest.mark.parametrize(
    ("role", "dates"),
    [
        *((role, {"from_on": TOMORROW, "until_on": date(2100, 1, 1)}) for role in Role),
        *((role, {"from_on": date(2000, 1, 1), "until_on": YESTERDAY}) for role in Role),
    ],
)
def test_outside_its_dates_a_role_opens_nothing(
    dataset: RightsDataset, host: str, role: Role, dates: dict[str, date]
) -> None:
    client = browser(host, somebody(dataset, role, Whose.ENTRUSTED, **dates))

    found = [
        undone(outcome, client, sample, dataset, {})
        for samples in SAMPLES.values()
        for sample in samples
    ]

    assert found == [False] * len(found)
