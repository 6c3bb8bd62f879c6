"""The type is chosen first, then the slots: nobody books a type that they have not seen."""

import re

import pytest

from booking.models import AppointmentType
from tests.booking.web.public.conftest import SLOT, Visitor, text
from tests.factories import Cabinet, make_location, make_practitioner, make_type

LINK = re.compile(r'<a class="choice" href="([^"]+)"')
PAGES = ("/", "/creneaux/")


@pytest.fixture
def first_visit(cabinet: Cabinet) -> AppointmentType:
    """A second type, longer and with another price."""
    AppointmentType.objects.update(label="Suivi", duration_min=45, price_text="55 €")
    return make_type(
        [cabinet.practitioner],
        [cabinet.location],
        label="Première consultation",
        duration_min=60,
        price_text="70 €",
        position=1,
    )


def links(page: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in LINK.findall(page)]


@pytest.mark.usefixtures("first_visit")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", ["", "?motif=", "?motif=zz", "?motif=" + "f" * 32])
def test_without_a_choice_of_several_types_no_slot_is_shown(
    visitor: Visitor, page: str, query: str
) -> None:
    """A closed type, an old link or no type at all: the page asks, and chooses nothing for anybody."""
    shown = text(visitor.get(page + query))

    assert not SLOT.findall(shown)
    assert "Pour quoi venez-vous" in shown
    assert len(links(shown)) == 2
    assert "Première consultation" in shown
    assert "60 min, 70 €" in shown


@pytest.mark.parametrize("page", PAGES)
def test_a_link_chooses_the_type_whose_slots_follow(
    visitor: Visitor, first_visit: AppointmentType, page: str
) -> None:
    chosen = links(text(visitor.get(page)))[1]
    shown = text(visitor.get(chosen))

    assert chosen == f"{page}?motif={first_visit.ref.hex}"
    assert '<p class="what">Première consultation</p> <p class="terms"> 60 min, 70 €' in shown
    assert f'name="appointment_type" value="{first_visit.ref.hex}"' in shown
    assert SLOT.findall(shown)
    assert f'href="{page}"> Choisir un autre motif' in shown


def test_the_form_says_the_type_its_length_and_its_price(
    visitor: Visitor, first_visit: AppointmentType
) -> None:
    form = text(visitor.choose(page=f"/?motif={first_visit.ref.hex}"))

    assert '<p class="what">Première consultation</p> <p class="terms">60 min, 70 €</p>' in form


@pytest.mark.parametrize("page", PAGES)
def test_one_type_has_its_slots_at_once(visitor: Visitor, cabinet: Cabinet, page: str) -> None:
    shown = text(visitor.get(page))

    assert SLOT.findall(shown)
    assert f'<p class="what">{cabinet.type.label}</p>' in shown
    assert "Choisir un autre motif" not in shown


def test_the_link_of_a_practitioner_keeps_them_when_the_type_is_chosen(
    visitor: Visitor, cabinet: Cabinet, first_visit: AppointmentType
) -> None:
    """A practitioner who shares their own link is not lost on the way."""
    hugo = make_practitioner("Hugo Fictif")
    first_visit.practitioners.add(hugo)

    chosen = links(text(visitor.get(f"/?avec={hugo.ref.hex}&lieu=zz")))[1]
    assert chosen == f"/?motif={first_visit.ref.hex}&avec={hugo.ref.hex}"

    shown = text(visitor.get(chosen))
    assert re.search(rf'avec={hugo.ref.hex}" aria-current="true"> Hugo Fictif', shown), (
        "the practitioner of the link is the present choice"
    )
    assert f'href="/?avec={hugo.ref.hex}"> Choisir un autre motif' in shown


def test_place_and_practitioner_are_links_that_take_effect_at_once(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    clinic, hugo = make_location(name="Maison de santé"), make_practitioner("Hugo Fictif")
    cabinet.type.locations.add(clinic)
    cabinet.type.practitioners.add(hugo)
    shown = text(visitor.get("/"))
    same_type = f"/?motif={cabinet.type.ref.hex}&amp;lieu="

    assert "<select" not in shown
    assert "Mettre à jour" not in shown
    assert f'href="{same_type}{clinic.ref.hex}"> Maison de santé' in shown
    assert (
        f'href="{same_type}{cabinet.location.ref.hex}&amp;avec={hugo.ref.hex}"> Hugo Fictif'
        in shown
    )


@pytest.mark.usefixtures("first_visit")
def test_nobody_waits_for_a_type_that_was_not_chosen(visitor: Visitor) -> None:
    for answer in (visitor.get("/plus-tot/"), visitor.post("/plus-tot/", {"first_name": "Ane"})):
        assert (answer.status_code, answer.headers["Location"]) == (303, "/creneaux/")
