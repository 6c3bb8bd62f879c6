"""The guide of the first day: each screen saves what it says, and asks nothing that is known."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import AppointmentType, Location, OpeningHours, Practice, Practitioner
from booking.practice.first_day import FirstDayStep, progress
from booking.practice.legal_identity import has_legal_identity
from booking.rules import kinds
from tenants import routing
from tenants.accounts.models import Role
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import browser, make_member
from tests.factories import Cabinet


@pytest.fixture
def new(tenant: Unit, at_work: None, host: str) -> Client:
    """The owner of a practice that was just ordered: a name, a profession, an empty place."""
    Practice.objects.create(id=1, name="Cabinet Exemple", profession="Diététicienne")
    Location.objects.create(name="Cabinet", time_zone="Indian/Reunion", territory="RE")
    owner = make_member(Role.OWNER)
    Practitioner.objects.create(name="Sophie Gabarit", user=owner)
    return browser(host, owner)


def page(name: str) -> str:
    return reverse(f"dashboard:{name}")


def place_fields(**fields: str) -> dict[str, str]:
    """What the second screen sends."""
    known = {"kind": "office", "name": "Cabinet", "time_zone": "Indian/Reunion", "territory": "RE"}
    return {**known, "street": "3 rue Fictive", "postcode": "97400", "town": "Saint-Denis"} | fields


def test_a_new_practice_begins_with_the_first_screen(new: Client) -> None:
    answer = new.get(page("first_day"))

    assert answer["Location"] == page("first_profession")
    assert progress().count == 0


def test_the_profession_of_the_order_is_filled_in(new: Client) -> None:
    text = new.get(page("first_profession")).text

    assert 'value="dieteticien" ' in text.split("checked")[0][-120:]
    assert 'value="Diététicienne"' in text


def test_the_profession_decides_the_kind_and_keeps_its_words(new: Client) -> None:
    new.post(page("first_profession"), {"start": "dieteticien", "profession": "Diététicienne"})

    practice = Practice.objects.get()
    assert (practice.kind, practice.profession) == (Practice.PracticeKind.HEALTH, "Diététicienne")
    assert progress().next is FirstDayStep.PLACE


def test_another_profession_counts_as_answered(new: Client) -> None:
    new.post(page("first_profession"), {"start": "autre", "profession": "Podologue"})

    assert FirstDayStep.PROFESSION in progress().done


def test_the_place_of_the_order_is_filled_in_not_added_to(new: Client) -> None:
    answer = new.post(page("first_place"), place_fields())

    location = Location.objects.get()
    assert answer["Location"] == page("first_hours")
    assert (location.town, location.time_zone, location.territory) == (
        "Saint-Denis",
        "Indian/Reunion",
        "RE",
    )


def test_the_seat_that_is_known_is_not_asked_again(new: Client) -> None:
    Practice.objects.update(street="3 rue Fictive", postcode="97400", legal_town="Saint-Denis")

    text = new.get(page("first_place")).text

    assert 'value="3 rue Fictive"' in text
    assert 'value="Saint-Denis"' in text


def test_the_week_of_the_profession_is_proposed_and_saved_as_corrected(new: Client) -> None:
    shown = new.get(page("first_hours")).text
    where = str(Location.objects.get().ref)

    new.post(page("first_hours"), {"place": where, "every": "1", "d0r0a": "8", "d0r0b": "12"})

    assert shown.count('value="9\u00a0h\u00a000"') == 5
    assert [(row.weekday, row.starts_min) for row in OpeningHours.objects.all()] == [(0, 480)]


def test_going_back_to_the_week_corrects_it_and_adds_none(new: Client) -> None:
    where = str(Location.objects.get().ref)
    for hour in ("8", "10"):
        new.post(page("first_hours"), {"place": where, "every": "1", "d0r0a": hour, "d0r0b": "12"})

    assert [row.starts_min for row in OpeningHours.objects.all()] == [600]


def test_the_editor_of_the_guide_copies_and_previews_too(new: Client) -> None:
    where = str(Location.objects.get().ref)
    typed = {"place": where, "every": "1", "d0r0a": "8h", "d0r0b": "12"}

    copied = new.post(page("first_hours"), {**typed, "action": "copy-0-1234"}).text
    part = new.post(
        page("first_hours"), {**typed, "action": "preview"}, headers={"hx-request": "true"}
    ).text

    assert copied.count('value="8h"') == 5
    assert part.lstrip().startswith('<div id="apercu"')


def test_without_a_place_the_week_asks_for_one_first(new: Client) -> None:
    Location.objects.all().delete()

    assert new.get(page("first_hours"))["Location"] == page("first_place")


def appointment_types(**fields: Any) -> dict[str, Any]:
    """What the fourth screen sends for a dietitian with one office."""
    return {"m0": "on", "m0label": "Premier bilan", "m0min": "50", **fields}


def test_the_appointment_types_that_fit_the_places_are_ticked_and_saved_as_corrected(
    new: Client,
) -> None:
    text = new.get(page("first_appointment_types")).text

    answer = new.post(
        page("first_appointment_types"), appointment_types(m1label="Suivi", m1min="30")
    )

    made = AppointmentType.objects.get()
    assert text.count(" checked") == 2
    assert "visio" not in text
    assert (made.label, made.duration_min, made.is_for_new_patients) == ("Premier bilan", 50, True)
    assert list(made.practitioners.all()) == list(Practitioner.objects.all())
    assert answer["Location"] == page("first_legal_identity")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"m0": ""}, "Cochez au moins un motif"),
        ({"m0label": ""}, "Donnez un nom"),
        ({"m0label": "Bilan allergie"}, "Restez neutre"),
        ({"m0min": ""}, "Donnez sa durée"),
        ({"m0min": "4"}, "supérieure ou égale à 5"),
    ],
)
def test_an_appointment_type_that_cannot_be_is_refused_and_stays_typed(
    new: Client, sent: dict[str, str], expected: str
) -> None:
    answer = new.post(page("first_appointment_types"), appointment_types(**sent))

    assert answer.status_code == 422
    assert expected in answer.text
    assert not AppointmentType.objects.exists()


LEGAL = {
    "legal_name": "Sophie Gabarit EI",
    "legal_form": "Entreprise individuelle",
    "street": "3 rue Fictive",
    "postcode": "97400",
    "legal_town": "Saint-Denis",
    "phone": "0262 12 34 56",
    "email": "cabinet@example.org",
    "publication_director": "Sophie Gabarit",
}


def fill_in(new: Client) -> None:
    """Send the five screens."""
    new.post(page("first_profession"), {"start": "dieteticien", "profession": "Diététicienne"})
    new.post(page("first_place"), place_fields())
    where = str(Location.objects.get().ref)
    new.post(page("first_hours"), {"place": where, "every": "1", "d4r0a": "9", "d4r0b": "10"})
    new.post(page("first_appointment_types"), appointment_types())
    new.post(page("first_legal_identity"), LEGAL)


@pytest.fixture
def set_state(tenant: Unit) -> Iterator[Callable[[str], None]]:
    """Return a function that sets the state of the practice's tenant for its pages."""

    def change(state: str) -> None:
        with inside(PUBLIC):
            Tenant.objects.filter(schema_name=tenant.schema).update(state=state)
        routing.cache.clear()

    yield change
    routing.cache.clear()


def test_the_legal_identity_begins_with_what_is_known(new: Client) -> None:
    new.post(page("first_place"), place_fields())

    shown = new.get(page("first_legal_identity")).text

    assert 'value="3 rue Fictive"' in shown
    assert 'value="Saint-Denis"' in shown
    assert 'value="Sophie Gabarit"' in shown


def test_the_legal_identity_names_what_is_missing_and_keeps_what_was_typed(new: Client) -> None:
    refused = new.post(page("first_legal_identity"), {**LEGAL, "legal_form": ""})

    assert refused.status_code == 422
    assert 'id="id_legal_form_error"' in refused.text
    assert 'value="Sophie Gabarit EI"' in refused.text
    assert not has_legal_identity(Practice.objects.get())


def test_a_filled_in_practice_asks_to_be_put_online_once(
    new: Client, set_state: Callable[[str], None]
) -> None:
    fill_in(new)
    set_state("ready")

    offered = new.get(page("first_ready")).text
    answers = [new.post(page("first_open")) for _time in range(2)]
    asked = new.get(page("first_ready")).text

    assert "Mettre ma page en ligne" in offered
    assert [answer["Location"] for answer in answers] == [page("first_ready")] * 2
    assert "Votre page s’ouvre" in asked
    assert OutboxEntry.objects.filter(kind=kinds.OPENING).count() == 1


@pytest.mark.parametrize("state", ["ready", "live"])
def test_an_unfinished_or_open_practice_asks_for_nothing(
    new: Client, set_state: Callable[[str], None], state: str
) -> None:
    if state == "live":
        fill_in(new)
    set_state(state)

    new.post(page("first_open"))

    assert not OutboxEntry.objects.filter(kind=kinds.OPENING).exists()


def test_the_banner_names_what_is_left(new: Client, set_state: Callable[[str], None]) -> None:
    set_state("ready")
    new.post(page("first_place"), place_fields())

    banner = new.get(page("today")).text
    fill_in(new)
    complete = new.get(page("today")).text

    assert "Vos horaires, Vos motifs, Votre identité légale" in banner
    assert "Tout est rempli" in complete


def test_after_the_five_screens_slots_and_the_address_are_shown(new: Client, host: str) -> None:
    fill_in(new)

    text = new.get(page("first_ready")).text

    assert progress().next is None
    assert "slot seen" in text
    assert f"http://{host}/" in text
    assert "C’est prêt" in text


def test_an_unfinished_guide_says_what_is_left(new: Client) -> None:
    text = new.get(page("first_ready")).text

    assert "Il reste 5 choses" in text
    assert "Code à scanner" in text


def test_the_code_is_a_picture_to_show_or_to_keep(cabinet: Cabinet, host: str) -> None:
    owner = browser(host, make_member(Role.OWNER))

    shown, kept = owner.get(page("share_code")), owner.get(page("share_code") + "?telecharger=1")

    assert shown["Content-Type"].startswith("image/svg+xml")
    assert "attachment" in kept["Content-Disposition"]
    assert "Content-Disposition" not in shown
