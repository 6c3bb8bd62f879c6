"""One visitor with one link cannot make us write again and again; the act holds, and the page says what leaves."""

import html

from django.conf import settings

from booking.models import Appointment
from booking.rules import kinds
from booking.waiting_list import waiting_entries
from tenants.outbox.kinds import NETWORK_RATES, RECIPIENT_RATES, SUBJECT_RATES
from tenants.outbox.models import OutboxEntry
from tests.booking.web.public.conftest import SLOT, Visitor, address, text
from tests.proofs.routes import routes

FAR = 12
MOST = SUBJECT_RATES[0].most


def count_sent(*of_kinds: str) -> int:
    """Return how many messages of these kinds leave."""
    entries = OutboxEntry.objects.filter(kind__in=of_kinds or kinds.HOLDS_ADDRESS)
    return entries.exclude(reason="limited").exclude(kind=kinds.REMINDER).count()


def press_move(visitor: Visitor, booked: Appointment, number: int) -> str:
    """Move to one of the shown slots; return the page that follows."""
    shown = text(visitor.get(address(booked, "deplacer/")))
    slots = list(dict.fromkeys(SLOT.findall(shown)))
    answer = visitor.post(address(booked, "deplacer/"), {"slot": slots[-1 - number % 2]})
    assert answer.status_code == 302, text(answer)
    return html.unescape(text(visitor.get(answer.headers["Location"])))


def test_moving_again_and_again_moves_and_stops_writing(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    pages = [press_move(visitor, booked, number) for number in range(8)]

    moved = Appointment.objects.get(pk=booked.pk)
    assert moved.sequence >= booked.sequence + 4
    assert count_sent() == MOST
    assert "L'ancien créneau est libéré." in pages[0]
    assert "nous n'en envoyons pas d'autre, notez la nouvelle date" in pages[-1]


def test_booking_with_a_strangers_address_stops_writing_to_it(visitor: Visitor) -> None:
    for number in range(3):
        booked = visitor.book(number, email="victime@example.org")
        for change in range(3):
            press_move(visitor, booked, change)

    assert count_sent() == RECIPIENT_RATES[0].most


def test_correcting_again_and_again_writes_to_few(visitor: Visitor) -> None:
    booked = visitor.book()
    pages = []
    for number in range(6):
        answer = visitor.post(
            address(booked, "coordonnees/"), {"email": f"v{number}@example.org", "phone": ""}
        )
        pages.append(html.unescape(text(visitor.get(answer.headers["Location"]))))

    assert count_sent() == MOST
    assert "La confirmation, avec le lien de votre rendez-vous, y part" in pages[0]
    assert "L'ancienne adresse reçoit un court avis" in pages[0]
    assert "nous n'en envoyons pas d'autre" in pages[-1]


def test_a_corrected_address_gets_the_confirmation(visitor: Visitor) -> None:
    """Who corrects a typing error has not received the link yet."""
    booked = visitor.book()
    before = count_sent(kinds.CONFIRMATION)

    visitor.post(address(booked, "coordonnees/"), {"email": "neuve@example.org", "phone": ""})

    assert count_sent(kinds.CONFIRMATION) == before + 1


def test_a_first_address_is_said_without_an_old_one(visitor: Visitor) -> None:
    booked = visitor.book(email="", phone="0612345678")

    answer = visitor.post(
        address(booked, "coordonnees/"), {"email": "neuve@example.org", "phone": ""}
    )

    page = html.unescape(text(visitor.get(answer.headers["Location"])))
    assert "y part à l'instant" in page
    assert "ancienne adresse" not in page


def test_a_corrected_phone_announces_no_mail(visitor: Visitor) -> None:
    booked = visitor.book()

    answer = visitor.post(address(booked, "coordonnees/"), {"email": "", "phone": "0611223344"})

    page = text(visitor.get(answer.headers["Location"]))
    assert "coordonnées sont enregistrées" in page
    assert "La confirmation, avec" not in page


def test_a_cancellation_is_sent_after_several_moves(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    for number in range(4):
        press_move(visitor, booked, number)

    visitor.post(address(booked, "annuler/"))

    assert count_sent(kinds.CANCELLED_BY_PATIENT) == 1


CAUSES_A_MESSAGE = {
    "confirm",
    "move",
    "cancel",
    "correct",
    "erase",
    "late",
    "earlier",
    "earlier_with",
    "waiting",
    "offer",
    "rights",
    "find",
}
CAUSES_NONE = {
    "account_invitation",
    "agenda_feed",
    "home",
    "slots",
    "choose",
    "change_slot",
    "details",
    "manage",
    "done",
    "reminder",
    "export",
    "calendar",
    "short",
    "earlier_done",
    "rights_sent",
    "privacy",
    "legal_notice",
    "accessibility",
    "robots",
    "colour",
    "picture",
}
SIGNED_IN_OR_ACCOUNT = ("/espace/", "/connexion/", "/compte/", "/mot-de-passe/", "/deconnexion/")


def test_each_page_of_strangers_is_known_to_write_or_not() -> None:
    """A new page must be put into one of the two lists, and its messages into the flood below."""
    found = {
        route.name
        for route in routes(settings.ROOT_URLCONF)
        if not route.template.startswith(SIGNED_IN_OR_ACCOUNT)
    }

    assert found == CAUSES_A_MESSAGE | CAUSES_NONE


def test_one_visitor_at_every_page_makes_few_messages_leave(visitor: Visitor) -> None:
    for number in range(3):
        booked = visitor.book(FAR + number, email="victime@example.org")
        for change in range(3):
            press_move(visitor, booked, change)
            visitor.post(address(booked, "plus-tot/"), {"weekdays": "0", "half": ""})
            entry = waiting_entries.of_appointment(booked)
            if entry is not None:
                visitor.post(f"/attente/{waiting_entries.link_of(entry)}/")
            visitor.post(
                address(booked, "coordonnees/"), {"email": f"v{change}@example.org", "phone": ""}
            )
            visitor.post(address(booked, "retard/"), {"minutes": "10"})
        visitor.post(address(booked, "annuler/" if number % 2 else "effacer/"))

    assert (
        10
        < count_sent(*(*kinds.APPOINTMENT_MESSAGES, *kinds.OF_AN_ENTRY, *kinds.OF_AN_OFFER))
        <= (NETWORK_RATES[0].most)
    )
