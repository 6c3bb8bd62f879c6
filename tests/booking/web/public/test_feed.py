"""The feed over HTTP: read by programs that ask again and again, and by nobody without its address."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import icalendar
import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.http import http_date

from booking.abuse import limits
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.feeds import publication
from booking.models import Feed
from booking.patients import contacts
from booking.rules.erasure import Level
from tenants import routing
from tenants.schema import inside
from tests.booking.web.public.conftest import Visitor, text
from tests.conftest import HOSTS, TENANT_TWO, owner_cursor
from tests.factories import NOW, Cabinet, local, make_appointment

THURSDAY = local((NOW + timedelta(days=2)).date(), 10)


@pytest.fixture
def feed(visitor: Visitor, cabinet: Cabinet) -> Feed:
    """A feed with names, opened an hour ago."""
    made = publication.open_feed(
        practitioner=cabinet.practitioner,
        level=Level.NAMED,
        is_instructed=True,
        actor="system",
        now=NOW,
    )
    visitor.wait(hours=1)
    return made


def address(feed: Feed) -> str:
    return f"/agenda/{publication.token_of(feed)}.ics"


def events(answer: HttpResponse) -> list[Any]:
    calendar: Any = icalendar.Calendar.from_ical(answer.content)
    return list(calendar.walk("VEVENT"))


def test_a_program_reads_the_agenda_without_signing_in(
    visitor: Visitor, cabinet: Cabinet, feed: Feed
) -> None:
    make_appointment(cabinet, THURSDAY)

    answer = visitor.get(address(feed))

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert [str(event["SUMMARY"]) for event in events(answer)] == ["Camille Spécimen"]
    assert not answer.cookies


def test_it_is_for_who_asked_alone_and_always_asked_again(visitor: Visitor, feed: Feed) -> None:
    answer = visitor.get(address(feed))

    assert answer.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Disallow: /agenda/" in text(visitor.get("/robots.txt"))


# --- Asking again --------------------------------------------------------------------------------------


def test_the_same_appointments_are_the_same_bytes_under_the_same_tag(
    visitor: Visitor, cabinet: Cabinet, feed: Feed
) -> None:
    make_appointment(cabinet, THURSDAY)

    first = visitor.get(address(feed))
    visitor.wait(hours=5)
    second = visitor.get(address(feed))

    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert not first.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Modified-Since", "both"])
def test_what_has_not_changed_is_not_sent_again(
    visitor: Visitor, cabinet: Cabinet, feed: Feed, condition: str
) -> None:
    make_appointment(cabinet, THURSDAY)
    first = visitor.get(address(feed))
    asked = {
        "If-None-Match": first.headers["ETag"],
        "If-Modified-Since": first.headers["Last-Modified"],
    }
    visitor.wait(minutes=15)

    sent = asked if condition == "both" else {condition: asked[condition]}
    again = visitor.get(address(feed), **sent)

    assert (again.status_code, again.content) == (304, b"")
    kept = ("ETag", "Last-Modified", "Cache-Control")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]


CHANGES: dict[str, Callable[[Cabinet, Any], Any]] = {
    "booked": lambda cabinet, appointment: make_appointment(
        cabinet, THURSDAY + timedelta(hours=3), now=NOW + timedelta(hours=2)
    ),
    "cancelled": lambda cabinet, appointment: cancel(
        appointment=appointment, by_patient=True, actor="patient", now=NOW + timedelta(hours=2)
    ),
    "moved": lambda cabinet, appointment: move(
        appointment=appointment,
        selection=cabinet.selection(THURSDAY + timedelta(hours=2)),
        by_patient=False,
        actor="system",
        now=NOW + timedelta(hours=2),
    ),
    "corrected": lambda cabinet, appointment: contacts.correct(
        appointment=appointment,
        phone="+33639980105",
        email=None,
        actor="system",
        now=NOW + timedelta(hours=2),
    ),
    "erased": lambda cabinet, appointment: contacts.erase(
        contact=contacts.contact_of(appointment),  # type: ignore[arg-type]  # just booked
        rule=contacts.DUE,
        now=NOW + timedelta(hours=2),
    ),
    "less said": lambda cabinet, appointment: publication.change_level(
        feed=Feed.objects.get(),
        level=Level.REFERENCE,
        is_instructed=False,
        actor="system",
        now=NOW + timedelta(hours=2),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("condition", ["If-None-Match", "If-Modified-Since"])
def test_what_has_changed_is_sent_again(
    visitor: Visitor, cabinet: Cabinet, feed: Feed, name: str, condition: str
) -> None:
    appointment = make_appointment(cabinet, THURSDAY)
    first = visitor.get(address(feed))
    asked = {
        "If-None-Match": first.headers["ETag"],
        "If-Modified-Since": first.headers["Last-Modified"],
    }
    visitor.wait(hours=1)

    CHANGES[name](cabinet, appointment)
    visitor.wait(minutes=5)
    again = visitor.get(address(feed), **{condition: asked[condition]})

    assert again.status_code == 200
    assert again.content != first.content


def test_a_day_that_leaves_the_feed_is_a_change(
    visitor: Visitor, cabinet: Cabinet, feed: Feed
) -> None:
    make_appointment(cabinet, THURSDAY)
    visitor.wait(days=31)
    first = visitor.get(address(feed))
    visitor.wait(days=1)

    again = visitor.get(address(feed), **{"If-Modified-Since": first.headers["Last-Modified"]})

    assert len(events(first)) == 1
    assert (again.status_code, events(again)) == (200, [])


def test_what_changed_a_moment_ago_has_no_date_yet(
    visitor: Visitor, cabinet: Cabinet, feed: Feed
) -> None:
    now = NOW + timedelta(hours=1)
    make_appointment(cabinet, THURSDAY, now=now)

    answer = visitor.get(address(feed), **{"If-Modified-Since": http_date(now.timestamp())})

    assert answer.status_code == 200
    assert "Last-Modified" not in answer.headers
    assert "ETag" in answer.headers


def test_head_says_the_same_without_the_appointments(
    visitor: Visitor, cabinet: Cabinet, feed: Feed
) -> None:
    make_appointment(cabinet, THURSDAY)
    whole = visitor.get(address(feed))

    head = visitor.client.head(address(feed))

    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]


# --- Who may not --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["never was", "renewed", "closed", "left", "cut", "longer"])
def test_an_address_that_opens_nothing_is_an_unknown_page(
    visitor: Visitor, cabinet: Cabinet, feed: Feed, ended: str
) -> None:
    known = address(feed)
    if ended == "never was":
        known = f"/agenda/{'A' * 43}.ics"
    elif ended == "renewed":
        publication.renew(feed=feed, actor="system", now=NOW)
    elif ended == "closed":
        publication.close(feed=feed, actor="system", now=NOW)
    elif ended == "left":
        cabinet.practitioner.is_active = False
        cabinet.practitioner.save(update_fields=["is_active"])
    else:
        known = known.replace(".ics", "x.ics") if ended == "longer" else known[:-6] + ".ics"

    answer = visitor.get(known)
    unknown = visitor.get("/nulle-part/")

    assert answer.status_code == unknown.status_code == 404
    assert text(answer) == text(unknown)
    assert answer.headers["Cache-Control"] == unknown.headers["Cache-Control"] == "no-store"


def test_the_feed_of_one_practice_opens_nothing_at_another(visitor: Visitor, feed: Feed) -> None:
    path = address(feed)
    with inside(TENANT_TWO):
        Cabinet()

        answer = Client(SERVER_NAME=HOSTS[TENANT_TWO.schema]).get(path)

    assert answer.status_code == 404


def test_a_clients_own_domain_serves_no_feed(feed: Feed) -> None:
    with pytest.raises(Exception, match="agenda_feed"):
        reverse("agenda_feed", args=["x"], urlconf="config.urls_custom")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_feed_is_read_and_nothing_else(visitor: Visitor, feed: Feed, method: str) -> None:
    answer = getattr(visitor.client, method)(address(feed))

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_guessing_addresses_has_to_wait(visitor: Visitor, feed: Feed) -> None:
    answers = [visitor.get(f"/agenda/{number:043d}.ics").status_code for number in range(11)]

    assert answers == [404] * 10 + [429]


def test_a_feed_opens_whatever_its_neighbours_have_tried(visitor: Visitor, feed: Feed) -> None:
    for number in range(11):
        visitor.get(f"/agenda/{number:043d}.ics")

    assert visitor.get(address(feed)).status_code == 200


def test_a_program_that_asks_too_often_has_to_wait(visitor: Visitor, feed: Feed) -> None:
    answers = [visitor.get(address(feed)) for _ in range(limits.FEED.most + 1)]

    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


# --- A practice that is suspended -------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "status"), [("suspended", 200), ("terminated", 404)])
def test_the_feed_lives_as_long_as_the_visits(
    committed_tenant: Callable[[str], Any], state: str, status: int
) -> None:
    unit = committed_tenant("arret")
    with inside(unit):
        cabinet = Cabinet()
        make_appointment(cabinet, THURSDAY)
        feed = publication.open_feed(
            practitioner=cabinet.practitioner, level=Level.REFERENCE, is_instructed=False,
            actor="system", now=NOW,
        )  # fmt: skip
        path = address(feed)
    with owner_cursor() as cursor:
        cursor.execute(
            "UPDATE public.tenants_tenant SET state = %s WHERE schema_name = %s",
            [state, unit.schema],
        )
    routing.cache.clear()

    answer = Client(SERVER_NAME="arret.lib-rdv.localhost").get(path)

    assert answer.status_code == status


# --- Costs ----------------------------------------------------------------------------------------------


def test_a_feed_asks_the_database_five_times_whatever_it_holds(
    visitor: Visitor, cabinet: Cabinet, feed: Feed, count_queries: Callable[[], Any]
) -> None:
    cabinet.type.duration_min = 5
    cabinet.type.save(update_fields=["duration_min"])
    for number in range(30):
        make_appointment(cabinet, THURSDAY + timedelta(minutes=5 * number))

    with count_queries() as queries:
        answer = visitor.get(address(feed))

    sent = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith("SELECT")]
    assert len(events(answer)) == 30
    assert len(sent) <= 5, sent  # practice, feed, latest change, appointments, the practice's key
