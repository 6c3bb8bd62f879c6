"""Appointment types and places: said in words, begun from models, put in order, archived or deleted."""

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking.models import AppointmentType, DailyCount, Location, OpeningHours
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tests.accounts import browser, make_member
from tests.booking.web.dashboard.settings.appointment_type_form import appointment_type
from tests.factories import NOW, Cabinet, local, make_appointment, make_location, make_type


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    return reverse(f"dashboard:{name}", args=refs)


def labels() -> list[str]:
    return list(AppointmentType.objects.values_list("label", flat=True))


def test_every_rule_of_an_appointment_type_has_its_sentence_tied_to_its_field(
    owner: Client, cabinet: Cabinet
) -> None:
    text = owner.get(page("appointment_type_edit", cabinet.type.ref)).text

    expected = re.findall(r'<p class="rule-sentence" id="dit-(\w+)">([^<]+)</p>', text)
    assert {name for name, words in expected if words} >= {
        "duration_min", "buffer_before_min", "buffer_after_min", "step_min", "min_notice_min",
        "horizon_days", "cancel_hours", "channel", "is_for_new_patients", "practitioners",
        "locations",
    }  # fmt: skip
    assert 'aria-describedby="id_min_notice_min_helptext dit-min_notice_min"' in text
    assert "slot seen" in text


def test_the_sentences_and_slots_follow_what_is_typed_and_nothing_is_written(
    owner: Client, cabinet: Cabinet
) -> None:
    typed = appointment_type(cabinet, min_notice_min="2880", duration_min="120", action="preview")
    whole = owner.get(page("appointment_type_edit", cabinet.type.ref)).text

    part = owner.post(
        page("appointment_type_edit", cabinet.type.ref), typed, headers={"hx-request": "true"}
    ).text

    assert "jusqu’à 2 jours avant" in part
    # Each sentence of the page, and the slots, are replaced.
    assert part.count("hx-swap-oob") == whole.count('id="dit-') + 1
    assert "11\u00a0h\u00a000" in part
    assert "<form" not in part
    assert labels() == ["Consultation"]


def test_the_sentences_can_be_read_again_without_a_script(owner: Client, cabinet: Cabinet) -> None:
    typed = appointment_type(cabinet, min_notice_min="2880", duration_min="4", action="preview")

    answer = owner.post(page("appointment_type_add"), typed)

    assert answer.status_code == 200
    assert "jusqu’à 2 jours avant" in answer.text
    assert AppointmentType.objects.count() == 1


def test_the_only_agenda_and_place_are_ticked_on_a_new_appointment_type(
    owner: Client, cabinet: Cabinet
) -> None:
    assert owner.get(page("appointment_type_add")).text.count(" checked") == 2


def test_an_appointment_type_that_names_an_illness_is_refused(
    owner: Client, cabinet: Cabinet
) -> None:
    answer = owner.post(
        page("appointment_type_add"), appointment_type(cabinet, label="Douleurs de dos")
    )

    assert answer.status_code == 422
    assert "Restez neutre" in answer.text


def test_a_model_of_another_profession_is_added_as_corrected(
    owner: Client, cabinet: Cabinet
) -> None:
    shown = owner.get(page("appointment_type_templates") + "?profession=psychologue").text

    owner.post(
        page("appointment_type_templates") + "?profession=psychologue",
        {"m1": "on", "m1label": "Séance", "m1min": "55"},
    )

    made = AppointmentType.objects.get(label="Séance")
    assert "Premier rendez-vous" in shown
    assert (made.duration_min, made.buffer_after_min, made.cancel_hours) == (55, 10, 48)
    assert list(made.locations.all()) == [cabinet.location]
    assert AuditEvent.objects.filter(verb="appointment_type.saved", ref=made.ref).exists()


def test_a_dragged_order_is_taken_and_what_is_not_named_stays(
    owner: Client, cabinet: Cabinet
) -> None:
    rows = [cabinet.type] + [
        make_type([cabinet.practitioner], [cabinet.location], label=label, position=number)
        for number, label in enumerate(("Deux", "Trois", "Quatre"), start=1)
    ]

    owner.post(page("appointment_type_order"), {"order": [str(rows[2].ref), str(rows[0].ref), "x"]})

    assert labels() == ["Trois", "Deux", "Consultation", "Quatre"]


def test_places_are_ordered_by_buttons_and_by_drag(owner: Client, cabinet: Cabinet) -> None:
    second = make_location(name="Annexe", position=1)

    owner.post(page("place_change", second.ref), {"action": "up"})
    first = list(Location.objects.values_list("name", flat=True))
    owner.post(page("place_order"), {"order": [str(cabinet.location.ref), str(second.ref)]})

    assert first == ["Annexe", "Cabinet"]
    assert list(Location.objects.values_list("name", flat=True)) == ["Cabinet", "Annexe"]


def test_an_appointment_type_that_served_is_archived_not_deleted(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(NOW.date(), 14))

    shown = owner.get(page("appointment_types")).text
    answer = owner.post(
        page("appointment_type_change", cabinet.type.ref), {"action": "delete"}, follow=True
    )

    assert 'value="delete"' not in shown
    assert "archivez-le" in answer.text
    assert labels() == ["Consultation"]


def test_an_appointment_type_whose_appointments_are_only_counted_still_counts_as_used(
    owner: Client, cabinet: Cabinet
) -> None:
    DailyCount.objects.create(
        on=NOW.date(), practitioner=cabinet.practitioner, appointment_type=cabinet.type,
        status="fulfilled", count=1,
    )  # fmt: skip

    owner.post(page("appointment_type_change", cabinet.type.ref), {"action": "delete"})

    assert labels() == ["Consultation"]


def test_an_appointment_type_that_never_served_is_deleted_with_the_hours_kept_for_it_alone(
    owner: Client, cabinet: Cabinet
) -> None:
    other = make_type([cabinet.practitioner], [cabinet.location], label="Suivi")
    for row, kept in zip(cabinet.hours, ([other], [other, cabinet.type]), strict=False):
        row.appointment_types.set(kept)

    owner.post(page("appointment_type_change", other.ref), {"action": "delete"})

    assert labels() == ["Consultation"]
    assert list(OpeningHours.objects.values_list("weekday", flat=True)) == [1, 2, 3, 4]


def test_a_place_is_deleted_while_it_holds_nothing(owner: Client, cabinet: Cabinet) -> None:
    second = make_location(name="Annexe")
    make_appointment(cabinet, local(NOW.date(), 14))

    owner.post(page("place_change", second.ref), {"action": "delete"})
    refused = owner.post(
        page("place_change", cabinet.location.ref), {"action": "delete"}, follow=True
    )

    assert list(Location.objects.all()) == [cabinet.location]
    assert "archivez ce lieu" in refused.text


@pytest.mark.parametrize("name", ["appointment_type_change", "place_change"])
def test_an_unknown_act_changes_nothing(owner: Client, cabinet: Cabinet, name: str) -> None:
    row = cabinet.type if name == "appointment_type_change" else cabinet.location

    answer = owner.post(page(name, row.ref), {"action": "danser"})

    row.refresh_from_db()
    assert answer.status_code == 302
    assert row.is_active


def test_a_long_list_costs_as_many_queries_as_a_short_one(owner: Client, cabinet: Cabinet) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            owner.get(page("appointment_types"))
        return len(asked)

    owner.get(page("appointment_types"))
    few = queries()
    for number in range(60):
        make_type([cabinet.practitioner], [cabinet.location], label=f"Motif {number}")

    assert queries() == few


def test_the_sentences_of_a_place_follow_what_is_typed(owner: Client, cabinet: Cabinet) -> None:
    typed = {"name": "Annexe", "kind": "office", "time_zone": "Pacific/Noumea", "action": "preview"}

    part = owner.post(page("place_add"), typed, headers={"hx-request": "true"}).text

    assert "20\u00a0h\u00a040" in part
    assert not Location.objects.filter(name="Annexe").exists()
