"""What one visitor may do, and what neighbours may not spoil: floods, shared networks, the same answers."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.http import HttpResponse

from booking.abuse import limits
from booking.models import Appointment
from tests.booking.web.public.conftest import SLOT, Visitor, address, hidden, text
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

ATTACKER, NEIGHBOUR, STRANGER = "198.51.100.7", "198.51.100.9", "203.0.113.5"
NETWORK = "198.51.100.0/24"
DAY = timedelta(days=1)


def person(number: int) -> dict[str, str]:
    """Return the details of one of many persons."""
    return {"email": f"personne{number}@example.org", "phone": ""}


def send_now(visitor: Visitor, details: HttpResponse, **typed: str) -> HttpResponse:
    """Fill the form and send it without a pause."""
    values = {"first_name": "Camille", "last_name": "Spécimen"}
    return visitor.post("/reserver/confirmer/", hidden(text(details)) | values | typed)


def booked_now() -> int:
    return Appointment.objects.filter(status=Appointment.Status.BOOKED).count()


# --- One address takes an agenda ------------------------------------------------------------------


def flood(visitor: Visitor, *, seconds: int, opens_pages: bool) -> Iterator[int]:
    """Book for a day from one address with invented numbers, as fast as is let; yield the hour of each booking.

    ``seconds`` is the pause before each form. A refused form is sent again after the wait that its page names.
    """
    begins = NOW.replace(hour=0, minute=0) + DAY
    visitor.clock.move_to(begins)
    visitor.come_from(ATTACKER)
    number = 0
    while (passed := visitor.clock_now() - begins) < DAY:
        details = visitor.choose()
        number += 1
        phone = f"06 39 98 {number // 100 % 100:02} {number % 100:02}"
        answer = details
        if details.status_code == 200:
            visitor.wait(seconds=seconds)
            answer = send_now(visitor, details, phone=phone)
        while answer.status_code == 422:
            left = re.search(r"attendez (\d+)", html.unescape(text(answer)))
            assert left, text(answer)
            visitor.wait(seconds=int(left[1]))
            answer = send_now(visitor, answer, phone=phone)
        if answer.status_code == 302:
            yield int(passed / timedelta(hours=1))
            if opens_pages:
                visitor.get(answer.headers["Location"])
        else:
            visitor.wait(minutes=20)


@pytest.mark.parametrize(
    ("seconds", "opens_pages", "most_an_hour", "most_a_day"),
    [
        pytest.param(3, False, 12, 24, id="a program"),
        pytest.param(31, True, 24, 48, id="a program that behaves like a person"),
    ],
)
def test_one_address_cannot_take_an_agenda(
    visitor: Visitor,
    cabinet: Cabinet,
    *,
    seconds: int,
    opens_pages: bool,
    most_an_hour: int,
    most_a_day: int,
) -> None:
    """360 bookings an hour of one address became a dozen, and two dozen a day."""
    by_hour = Counter(flood(visitor, seconds=seconds, opens_pages=opens_pages))

    assert 0 < max(by_hour.values()) <= most_an_hour
    assert by_hour.total() == booked_now() <= most_a_day


def test_twenty_patients_of_one_network_all_book(visitor: Visitor) -> None:
    """A retirement home, without JavaScript: each takes the time that a person needs, within one hour."""
    statuses = []
    for number in range(20):
        visitor.come_from(f"198.51.100.{number + 1}")
        answer = visitor.fill(visitor.choose(), **person(number))
        statuses.append(answer.status_code)
        visitor.get(answer.headers["Location"])
        visitor.wait(minutes=2)

    assert statuses == [302] * 20


def test_twenty_patients_of_one_network_book_at_the_same_time(visitor: Visitor) -> None:
    """A waiting room: all hold their slot before the first one confirms, and half of them change their mind."""
    visitor.come_from(NEIGHBOUR)
    forms = [visitor.choose() for _ in range(20)]
    for number in range(0, 20, 2):
        fields = hidden(text(forms[number]))
        week = visitor.post("/reserver/changer/", fields).headers["Location"]
        forms[number] = visitor.choose(page=week)
    visitor.wait(seconds=30)

    statuses = []
    for number, form in enumerate(forms):
        answer = send_now(visitor, form, **person(number))
        statuses.append(answer.status_code)
        visitor.get(answer.headers["Location"])

    assert statuses == [302] * 20


def test_beyond_the_limit_the_page_keeps_what_was_typed_and_says_whom_to_call(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    visitor.come_from(NEIGHBOUR)
    for number in range(limits.POINTS_PER_HOUR.most):
        visitor.get(visitor.fill(visitor.choose(), **person(number)).headers["Location"])

    refused = visitor.fill(visitor.choose(), last_name="Zubiri", **person(99))
    page = html.unescape(text(refused)).replace("\u00a0", " ")

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert "ou appelez le 05 36 49 00 12" in page
    assert 'value="Zubiri"' in page
    visitor.come_from(STRANGER)
    assert visitor.fill(visitor.choose(), **person(98)).status_code == 302


def test_a_taken_slot_and_a_second_click_cost_nothing(visitor: Visitor) -> None:
    """Only what is booked counts: a person who is late or clicks twice keeps all three bookings of the day."""
    details = visitor.choose()
    for _ in range(3):
        assert visitor.fill(details).status_code == 302
    late = visitor.choose(5)
    taken = hidden(text(late))
    Appointment.objects.filter(status="held").delete()
    other = visitor.press(hidden(text(visitor.get("/"))) | {"slot": taken["slot"]})
    visitor.fill(other, **person(1))
    assert visitor.fill(late).status_code == 409

    assert visitor.fill(visitor.choose()).status_code == 302
    assert visitor.fill(visitor.choose()).status_code == 302
    assert visitor.fill(visitor.choose()).status_code == 422


def test_whoever_cancels_may_book_again(visitor: Visitor) -> None:
    for _ in range(5):
        booked = visitor.book()
        visitor.post(address(booked, "annuler/"))

    assert booked_now() == 0


def test_pressing_slots_without_end_waits(visitor: Visitor) -> None:
    """The slot button has a limit of its own, besides the holds."""
    page = visitor.get("/")
    fields = hidden(text(page)) | {"slot": SLOT.findall(text(page))[0]}
    statuses = [
        visitor.post("/reserver/", fields).status_code for _ in range(limits.CHOICES.most + 1)
    ]

    assert statuses == [303] * limits.CHOICES.most + [429]


def test_opening_the_page_without_end_waits_and_a_waiting_room_does_not(visitor: Visitor) -> None:
    """The practice page reads the free slots: forty people of one network open it three times in a minute."""
    statuses = [visitor.get("/").status_code for _ in range(limits.FRONT.most)]
    refused = visitor.get("/?motif=x")
    visitor.come_from("198.51.100.7")
    elsewhere = visitor.get("/").status_code
    visitor.come_from("127.0.0.1")
    visitor.wait(seconds=60)

    assert statuses == [200] * 120
    assert (refused.status_code, int(refused.headers["Retry-After"]) <= 60) == (429, True)
    assert elsewhere == visitor.get("/").status_code == 200


def test_a_network_that_holds_and_never_books_is_suspect(visitor: Visitor) -> None:
    page = visitor.get("/")
    fields = hidden(text(page)) | {"slot": SLOT.findall(text(page))[0]}
    for _ in range(limits.CHOSEN.most + 1):
        visitor.post("/reserver/", fields)

    assert limits.counts_of("127.0.0.0/24", now=NOW).is_suspect
    assert not limits.counts_of("203.0.113.0/24", now=NOW).is_suspect


# --- Others cannot spoil it -------------------------------------------------------------------------


def forge(visitor: Visitor, count: int) -> None:
    """Send forms that no page of ours has made."""
    for _ in range(count):
        assert visitor.post("/reserver/confirmer/", {"token": "x"}).status_code in {400, 429}


def test_thirty_forged_forms_of_one_network_change_nothing_for_another(visitor: Visitor) -> None:
    """Without JavaScript, a form sent four seconds after it was shown is accepted as before."""
    visitor.come_from(ATTACKER)
    forge(visitor, 30)

    visitor.come_from(STRANGER)
    details = visitor.choose()
    visitor.wait(seconds=4)

    assert "data-challenge" not in text(details)
    assert send_now(visitor, details, **person(1)).status_code == 302


def test_thirty_forged_forms_of_one_network_slow_that_network(visitor: Visitor) -> None:
    visitor.come_from(ATTACKER)
    forge(visitor, 30)
    visitor.come_from(NEIGHBOUR)
    details = visitor.choose()
    visitor.wait(seconds=20)
    early = send_now(visitor, details, **person(1))

    assert "data-challenge" in text(details)
    assert early.status_code == 422
    assert "attendez 10\u00a0s" in html.unescape(text(early))
    visitor.wait(seconds=10)
    assert send_now(visitor, early, **person(1)).status_code == 302


def test_an_attack_from_many_networks_asks_for_a_persons_pace_only(visitor: Visitor) -> None:
    for number in range(6):
        visitor.come_from(f"192.0.{number}.1")
        forge(visitor, 8)
    visitor.come_from(STRANGER)
    details = visitor.choose()
    visitor.wait(seconds=12)

    assert "12 secondes" in text(details)
    assert send_now(visitor, details, **person(1)).status_code == 302


# --- The answers tell nothing about others ------------------------------------------------------------

KNOWN = {"phone": "06 39 98 01 04", "email": "camille@example.org"}
UNKNOWN = {"phone": "06 39 98 09 99", "email": "inconnue@example.org"}


def answers_to(visitor: Visitor, network: int, typed: dict[str, str]) -> list[tuple[int, str]]:
    """Book five times with the same address; return each status with the warning of its page."""
    visitor.come_from(f"192.0.{network}.1")
    seen = []
    for _ in range(5):
        answer = visitor.fill(visitor.choose(), **typed)
        warning = re.search(r'id="avis".*?<p>(.*?)</p>', text(answer))
        seen.append((answer.status_code, warning[1] if warning else ""))
        Appointment.objects.filter(status="held").delete()
    return seen


@pytest.mark.parametrize("field", ["phone", "email"])
@pytest.mark.parametrize("visits", [1, 2, 3, 6])
def test_the_limit_of_a_person_is_the_same_for_known_and_unknown_numbers(
    visitor: Visitor, cabinet: Cabinet, field: str, visits: int
) -> None:
    """A number with visits to come gets, booking by booking, the answers of a number that nobody has."""
    for number in range(visits):
        starts_at = local((NOW + timedelta(days=20 + number // 8)).date(), 9 + number % 8)
        make_appointment(cabinet, starts_at, person=make_person())
    empty = {"phone": "", "email": ""}

    known = answers_to(visitor, 1, empty | {field: KNOWN[field]})
    unknown = answers_to(visitor, 2, empty | {field: UNKNOWN[field]})

    assert known == unknown
    assert [status for status, _warning in known] == [302, 302, 302, 422, 422]
