"""Appointment types and locations are ordered, archived, restored and deleted in the same way."""

from typing import Any

import pytest

from booking.models import AppointmentType, Location
from booking.practice import ordered_rows
from booking.practice.ordered_rows import OrderedModel, StillUsed
from tenants.audit.models import AuditEvent
from tenants.schema import Unit
from tests.factories import NOW, Cabinet, local, make_appointment, make_location

NAMES = {AppointmentType: ("label", "appointment_type"), Location: ("name", "place")}


@pytest.fixture(params=NAMES, ids=lambda model: model.__name__)
def model(request: pytest.FixtureRequest, tenant: Unit) -> OrderedModel:
    chosen: OrderedModel = request.param
    for name in ("a", "b", "c"):
        chosen.objects.create(
            **{NAMES[chosen][0]: name}, position=ordered_rows.next_position(chosen)
        )
    return chosen


def row(model: OrderedModel, name: str) -> Any:
    return model.objects.get(**{NAMES[model][0]: name})


def order(model: OrderedModel) -> str:
    return "".join(getattr(row, NAMES[model][0]) for row in ordered_rows.archived_last(model))


def verbs(model: OrderedModel) -> list[str]:
    subject = NAMES[model][1]
    found = AuditEvent.objects.filter(verb__startswith=f"{subject}.").order_by("pk")
    return [event.verb.removeprefix(f"{subject}.") for event in found]


def test_named_rows_change_places_and_the_others_stay(model: OrderedModel) -> None:
    refs = [row(model, "c").ref, row(model, "a").ref]

    ordered_rows.order_rows(model, refs=refs, actor="system", now=NOW)
    ordered_rows.order_rows(model, refs=refs, actor="system", now=NOW)

    assert (order(model), verbs(model)) == ("cba", ["moved"])


@pytest.mark.parametrize(
    ("name", "up", "after"),
    [("b", True, "bac"), ("b", False, "acb"), ("a", True, "abc"), ("c", False, "abc")],
)
def test_a_row_changes_places_with_its_neighbour(
    model: OrderedModel, name: str, up: bool, after: str
) -> None:
    ordered_rows.move_row(row=row(model, name), up=up, actor="system", now=NOW)

    assert (order(model), verbs(model)) == (after, ["moved"] if after != "abc" else [])


def test_an_archived_row_comes_last_and_does_not_move(model: OrderedModel) -> None:
    for is_active, shown in ((False, "bca"), (True, "abc")):
        ordered_rows.set_active(row=row(model, "a"), is_active=is_active, actor="system", now=NOW)
        assert order(model) == shown
        ordered_rows.move_row(row=row(model, "a"), up=True, actor="system", now=NOW)
        assert order(model) == shown

    assert verbs(model) == ["archived", "restored"]


def test_a_row_that_serves_nothing_is_deleted(model: OrderedModel) -> None:
    ordered_rows.delete_row(row=row(model, "b"), actor="system", now=NOW)

    assert (order(model), verbs(model)) == ("ac", ["deleted"])


def test_a_row_that_an_appointment_names_stays(tenant: Unit) -> None:
    cabinet = Cabinet()
    make_appointment(cabinet, local(NOW.date(), 14))

    for used in (cabinet.type, cabinet.location):
        with pytest.raises(StillUsed):
            ordered_rows.delete_row(row=used, actor="system", now=NOW)
    ordered_rows.delete_row(row=make_location(name="Annexe"), actor="system", now=NOW)
