"""The form has an address: going back, reloading and changing the slot lose nothing and mislead nobody (P3)."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse

from booking.models import Appointment, AppointmentType
from tests.booking.web.public.conftest import SLOT, Visitor, address, hidden, text
from tests.factories import NOW, Cabinet, make_type

TAKEN = "vient d'être réservé"


def pressed(visitor: Visitor, number: int = 0, page: str = "/") -> str:
    """Press the n-th slot of a page and return the address of its form."""
    shown = text(visitor.get(page))
    fields = hidden(shown) | {"slot": SLOT.findall(shown)[number]}
    answer = visitor.post("/reserver/", fields)
    assert answer.status_code == 303
    return answer.headers["Location"]


def words(answer: HttpResponse) -> str:
    """Return the page with plain characters."""
    return html.unescape(text(answer)).replace("\u00a0", " ")


def test_choosing_redirects_to_an_address_without_a_word_about_anybody(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    form = urlsplit(pressed(visitor))

    assert re.fullmatch(r"/reserver/[\w.-]{60,90}/", form.path)
    query = parse_qs(form.query)
    assert query.keys() == {"creneau", "motif"}
    assert query["motif"] == [cabinet.type.ref.hex]


def test_reloading_shows_the_same_form_and_changes_nothing(visitor: Visitor) -> None:
    form = pressed(visitor)
    before = Appointment.objects.values().get()
    pages = [visitor.get(form) for _ in range(3)]

    assert [page.status_code for page in pages] == [200] * 3
    assert Appointment.objects.values().get() == before
    assert all("Gardé pour vous jusqu'à" in words(page) for page in pages)
    assert {page.headers["Cache-Control"] for page in pages} == {"no-store"}
    assert not any(page.cookies for page in pages)


def test_going_back_after_the_confirmation_says_what_was_booked(visitor: Visitor) -> None:
    """One's own booking is never told as somebody else's."""
    form = pressed(visitor)
    done = visitor.fill(visitor.get(form)).headers["Location"]
    visitor.wait(minutes=30)

    back = visitor.get(form)

    assert back.status_code == 200
    assert "C'est noté : vous avez réservé ce créneau" in words(back)
    assert TAKEN not in words(back)
    assert "Camille" not in words(back)
    assert f'href="{done.removesuffix("confirme/")}"' in text(back)


def test_going_back_after_a_cancellation_says_so(visitor: Visitor) -> None:
    form = pressed(visitor)
    visitor.fill(visitor.get(form))
    visitor.post(address(Appointment.objects.get(), "annuler/"))

    assert "Ce rendez-vous est annulé" in words(visitor.get(form))


def test_confirming_again_from_an_older_page_leads_to_the_booking(visitor: Visitor) -> None:
    """Two pages of the same form: the second confirmation books nothing and shows the first."""
    page = text(visitor.get("/"))
    fields = hidden(page)
    first, second = (visitor.press(fields | {"slot": slot}) for slot in SLOT.findall(page)[:2])

    answers = [visitor.fill(second), visitor.fill(first)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


def test_an_older_page_books_the_slot_that_it_shows(visitor: Visitor) -> None:
    """Whoever goes back to the first slot they looked at gets that one, not the last one."""
    page = text(visitor.get("/"))
    forms = [
        visitor.post("/reserver/", hidden(page) | {"slot": slot}).headers["Location"]
        for slot in SLOT.findall(page)[:2]
    ]
    back = visitor.get(forms[0])
    answer = visitor.fill(back)

    assert "Il n'est plus gardé" in words(back)
    assert answer.status_code == 302
    booked = Appointment.objects.get()
    expected = parse_qs(urlsplit(forms[0]).query)["creneau"][0]
    assert int(booked.starts_at.timestamp()) == 60 * int(expected.partition("-")[0], 36)


def test_a_form_found_again_after_its_hold_still_books(visitor: Visitor) -> None:
    """A tab that the telephone has discarded: the hold has ended, its row is gone."""
    form = pressed(visitor, 9)
    visitor.wait(minutes=50)
    Appointment.objects.all().delete()
    page = visitor.get(form)

    assert "Il n'est plus gardé" in words(page)
    assert visitor.fill(page).status_code == 302


def test_the_next_day_the_form_is_shown_again_and_asks_to_confirm(visitor: Visitor) -> None:
    form = pressed(visitor, 9)
    visitor.wait(hours=20)
    page = visitor.get(form)

    assert page.status_code == 200
    assert visitor.fill(page).status_code == 302


def test_the_next_day_a_form_that_has_booked_leads_to_nobody(visitor: Visitor) -> None:
    """The address may stay in the history of a shared computer."""
    form = pressed(visitor, 9)
    visitor.fill(visitor.get(form))
    visitor.wait(hours=5)
    page = visitor.get(form)

    assert page.status_code == 410
    assert "/rdv/" not in text(page)


@pytest.mark.parametrize("change", ["token", "creneau", "motif", "query"])
def test_an_address_that_is_not_ours_opens_nothing(visitor: Visitor, change: str) -> None:
    form = pressed(visitor)
    strange = {
        "token": form.replace("/reserver/", "/reserver/x"),
        "creneau": form.replace("creneau=", "creneau=zz"),
        "motif": form.replace("motif=", "motif=zz"),
        "query": form.partition("?")[0],
    }[change]

    assert visitor.get(strange).status_code == (404 if change == "token" else 410)
    assert visitor.post(strange).status_code == 405


def test_a_form_whose_slot_has_begun_is_over(visitor: Visitor) -> None:
    form = pressed(visitor)
    Appointment.objects.update(held_until=NOW)
    visitor.wait(days=3)

    assert visitor.get(form).status_code == 410


def test_changing_the_slot_frees_it_and_returns_to_the_same_week(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    """Four changes of mind: each frees the slot before, which stands among the free ones again."""
    week = (NOW + timedelta(days=14)).date()
    page = f"/creneaux/?motif={cabinet.type.ref.hex}&semaine={week}"
    for number in range(1, 5):  # the first button is the next free slot
        value = SLOT.findall(text(visitor.get(page)))[number]
        form = visitor.get(pressed(visitor, number, page))
        answer = visitor.post("/reserver/changer/", hidden(text(form)))

        assert answer.status_code == 303
        page = answer.headers["Location"]
        assert not Appointment.objects.exists()
        assert f"motif={cabinet.type.ref.hex}" in page
        assert value in SLOT.findall(text(visitor.get(page)))
    monday = parse_qs(urlsplit(page).query)["semaine"][0]
    assert week - timedelta(days=7) < NOW.date().fromisoformat(monday) < week + timedelta(days=7)


def test_changing_the_slot_of_a_form_that_has_booked_keeps_the_booking(visitor: Visitor) -> None:
    form = visitor.choose()
    visitor.fill(form)

    assert visitor.post("/reserver/changer/", hidden(text(form))).status_code == 303
    assert Appointment.objects.get().status == Appointment.Status.BOOKED


def test_changing_a_slot_of_somebody_else_frees_nothing(visitor: Visitor) -> None:
    visitor.choose()

    assert visitor.post("/reserver/changer/", {"token": "x", "slot": "y"}).status_code == 400
    assert visitor.get("/reserver/changer/").status_code == 405
    assert Appointment.objects.exists()


def test_what_was_typed_for_a_taken_slot_fills_the_next_form(visitor: Visitor) -> None:
    """Typed values stand in no address: the answer to the button is the form itself."""
    late = visitor.choose()
    Appointment.objects.all().delete()
    visitor.fill(
        visitor.press(hidden(text(visitor.get("/"))) | {"slot": hidden(text(late))["slot"]})
    )
    taken = visitor.fill(late, last_name="Zubiri", email="z@example.org")
    shown = text(taken)
    answer = visitor.post("/reserver/", hidden(shown) | {"slot": SLOT.findall(shown)[0]})

    assert (taken.status_code, answer.status_code) == (409, 200)
    assert 'value="Zubiri"' in text(answer)


def test_the_appointment_type_stands_large_on_the_form(visitor: Visitor, cabinet: Cabinet) -> None:
    assert f'<p class="what">{cabinet.type.label}</p>' in text(visitor.choose())


# --- The sentence under the button --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (None, "Vous pourrez déplacer ou annuler en ligne jusqu'à l'heure du rendez-vous."),
        (2, "Vous pourrez déplacer ou annuler en ligne jusqu'au "),
        (
            72,
            "il ne pourra plus être déplacé ni annulé en ligne. En cas d'empêchement, appelez le 05",
        ),
    ],
)
def test_the_form_promises_only_what_the_rule_allows(
    visitor: Visitor, cabinet: Cabinet, hours: int | None, expected: str
) -> None:
    AppointmentType.objects.update(cancel_hours=hours)
    page = words(visitor.choose())

    assert expected in page
    assert ("Vous pourrez" in page) == (hours != 72)


def test_the_medical_warning_stands_where_a_question_is_asked(visitor: Visitor) -> None:
    assert "aucune information médicale" not in text(visitor.choose())


def test_two_types_keep_their_own_forms(visitor: Visitor, cabinet: Cabinet) -> None:
    other = make_type([cabinet.practitioner], [cabinet.location], label="Bilan", duration_min=90)
    form = pressed(visitor, page=f"/creneaux/?motif={other.ref.hex}")

    assert '<p class="what">Bilan</p>' in text(visitor.get(form))
    assert "90 min" in words(visitor.get(form))
