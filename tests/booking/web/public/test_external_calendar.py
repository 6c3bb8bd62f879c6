"""Patients read who else receives their appointment, and when they are erased: the real settings say it."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from booking.feeds import publication
from booking.models import CalendarEntry, GoogleAccount, Location, Practice
from booking.patients import contacts
from booking.rules.erasure import EventCleanup, Level
from booking.web.public import legal
from tests.booking.web.public.conftest import (
    Visitor,
    address,
    text,
)
from tests.factories import (
    NOW,
    Cabinet,
    make_appointment,
    make_link,
    make_practitioner,
)

FAR = 12
"""Number of a button of the front page whose day is not today."""
IN_GOOGLE = "inscrit dans l’agenda Google de Maite Exemple"


def link(cabinet: Cabinet, level: Level = Level.NAMED, **fields: Any) -> GoogleAccount:
    return make_link(cabinet.practitioner, level=level, **fields)


def read(visitor: Visitor, path: str) -> str:
    return html.unescape(text(visitor.get(path)))


def details(visitor: Visitor) -> str:
    return html.unescape(text(visitor.choose(FAR)))


def thread(page: str) -> list[str]:
    """Return the knots of the thread of the data, in order."""
    drawn = page.partition('<ol role="list" class="thread')[2].partition("</ol>")[0]
    return [re.sub("<[^>]+>", " ", knot).strip() for knot in drawn.split("<li")[1:]]


# --- Before the booking ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.NAMED, "(votre nom, votre téléphone et le motif)"),
        (Level.INITIALS, "(vos initiales)"),
        (Level.REFERENCE, "(sans votre nom)"),
    ],
)
def test_the_form_says_what_google_receives(
    visitor: Visitor, cabinet: Cabinet, level: Level, expected: str
) -> None:
    link(cabinet, level)

    page = details(visitor)

    assert f"{IN_GOOGLE} {expected}, qui reste seul responsable de son agenda." in page
    assert "à la fin du rendez-vous" in page


@pytest.mark.parametrize("cleanup", [EventCleanup.ANONYMISE, EventCleanup.DELETE])
def test_a_calendar_that_is_cleaned_first_keeps_the_person_a_day_longer(
    visitor: Visitor, cabinet: Cabinet, cleanup: EventCleanup
) -> None:
    link(cabinet, Level.INITIALS, on_erasure=cleanup.value)

    page = details(visitor)

    assert "Ce site les efface dans les 24\u00a0heures qui suivent le rendez-vous" in page
    assert "Avant le" in thread(page)[-1]


def test_without_a_calendar_outside_nobody_speaks_of_google(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link(cabinet, state="leaving")
    make_link(make_practitioner("Hugo Fictif"))

    pages = [details(visitor), read(visitor, address(visitor.book(FAR)))]

    assert not [page for page in pages if "Google" in page]


def test_the_form_names_a_feed_with_names_too(visitor: Visitor, cabinet: Cabinet) -> None:
    publication.open_feed(
        practitioner=cabinet.practitioner, level=Level.NAMED, is_instructed=True, actor="x", now=NOW
    )

    page = details(visitor)

    assert "Maite Exemple lit aussi ses rendez-vous dans un autre logiciel" in page
    assert "Google" not in page


# --- Once it is booked -----------------------------------------------------------------------------------


def test_where_the_calendar_knows_the_person_the_reminder_is_the_end(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link(cabinet)
    booked = visitor.book(FAR, phone="06 39 98 01 04")

    for action in ("confirme/", ""):
        page = read(visitor, address(booked, action))
        knots = thread(page)
        assert IN_GOOGLE in page
        ends = ("Le rappel part.", "Elles sont effacées de ce site.", "Votre rendez-vous.")
        assert [knot.endswith(end) for knot, end in zip(knots[1:], ends, strict=True)] == [True] * 3


def test_without_a_number_it_is_the_end_of_the_visit(visitor: Visitor, cabinet: Cabinet) -> None:
    link(cabinet)
    booked = visitor.book(FAR)

    knots = thread(read(visitor, address(booked)))

    assert "Puis à" in knots[-1]
    assert "effacées" in knots[-1]


def test_who_asks_to_be_erased_reads_the_date_that_is_kept(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link(cabinet)
    booked = visitor.book(FAR, phone="06 39 98 01 04")

    visitor.post(address(booked, "effacer/"), {"outcome": "keep"})
    page = read(visitor, address(booked, "?fait=efface"))

    assert "Vos coordonnées sont effacées à la fin du rendez-vous" in page


def test_who_is_erased_still_reads_who_has_the_appointment(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link(cabinet)
    booked = visitor.book(FAR, phone="06 39 98 01 04")
    contact = contacts.contact_of(booked)
    assert contact is not None
    contacts.erase(contact=contact, rule=contacts.DUE, now=NOW)

    page = read(visitor, address(booked))

    assert "Vos coordonnées ne sont plus sur ce site." in page
    assert IN_GOOGLE in page


def test_a_cancelled_appointment_stands_in_no_calendar(visitor: Visitor, cabinet: Cabinet) -> None:
    link(cabinet)
    booked = visitor.book(FAR)

    visitor.post(address(booked, "annuler/"))

    assert "Google" not in read(visitor, address(booked))


def test_a_copy_of_ones_data_names_who_has_them_too(visitor: Visitor, cabinet: Cabinet) -> None:
    link(cabinet)
    booked = visitor.book(FAR)

    copy = text(visitor.post(address(booked, "donnees/")))

    assert IN_GOOGLE in copy


# --- The privacy page -----------------------------------------------------------------------------------


def test_the_privacy_page_names_each_recipient_its_transfers_and_the_moment(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link(cabinet)
    make_link(make_practitioner("Hugo Fictif"), level=Level.INITIALS, on_erasure="delete")

    page = read(visitor, "/confidentialite/")

    assert f"{IN_GOOGLE} (votre nom, votre téléphone et le motif)" in page
    assert "l’agenda Google de Hugo Fictif (vos initiales)" in page
    assert "Google peut traiter des données hors de l'Union européenne" in page
    assert "clauses types de la Commission européenne" in page
    assert "ni cédées, et ne quittent pas l'Union européenne" not in page
    assert "Avec Maite Exemple, si vous donnez un téléphone" in page
    assert "Avec Hugo Fictif, elles sont effacées dans les 24 heures" in page.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("writes_address", "disclosure", "says_it_stays"),
    [
        (False, "(votre nom, votre téléphone et le motif)", True),
        (True, "(votre nom, votre téléphone, le motif et, à domicile, votre adresse)", False),
    ],
)
def test_the_privacy_page_says_where_the_address_of_a_home_visit_is(
    visitor: Visitor, cabinet: Cabinet, writes_address: bool, disclosure: str, says_it_stays: bool
) -> None:
    link(cabinet, writes_home_address=writes_address)
    Location.objects.filter(pk=cabinet.location.pk).update(kind=Location.LocationKind.HOME)

    page = read(visitor, "/confidentialite/")

    assert f"{IN_GOOGLE} {disclosure}" in page
    assert ("Pour une visite à domicile, elles restent" in page) is says_it_stays


def test_without_google_nothing_leaves_the_union(visitor: Visitor, cabinet: Cabinet) -> None:
    page = read(visitor, "/confidentialite/")

    assert "ni cédées, et ne quittent pas l'Union européenne" in page
    assert "Google" not in page


def test_the_privacy_page_is_dated_by_who_receives(
    visitor: Visitor, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_appointment(cabinet, NOW + timedelta(days=2))  # an act that changes nothing of it
    monkeypatch.setattr(legal, "WRITTEN_ON", date(2026, 11, 1))
    before = read(visitor, "/confidentialite/")

    publication.open_feed(
        practitioner=cabinet.practitioner, level=Level.INITIALS, is_instructed=False, actor="x",
        now=NOW,
    )  # fmt: skip

    assert "mise à jour\u00a0: 1er\u00a0novembre\u00a02026" in before
    assert "10\u00a0novembre\u00a02026" in read(visitor, "/confidentialite/")


# --- Costs ----------------------------------------------------------------------------------------------


def test_saying_it_costs_one_question_before_and_two_after(
    visitor: Visitor, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    booked = visitor.book(FAR, phone="06 39 98 01 04")

    def asked(action: Callable[[], Any]) -> list[str]:
        with count_queries() as queries:
            action()
        return [query["sql"] for query in queries if "on_erasure" in query["sql"]]

    assert len(asked(lambda: visitor.choose(FAR + 1))) == 1
    assert len(asked(lambda: visitor.get(address(booked)))) == 2
    assert len(asked(lambda: visitor.get("/confidentialite/"))) == 1


def test_pages_set_no_cookie_and_stay_small(visitor: Visitor, cabinet: Cabinet) -> None:
    link(cabinet)
    answers = [visitor.choose(FAR), visitor.get("/confidentialite/")]

    assert not [answer for answer in answers if answer.cookies]
    assert max(len(answer.content) for answer in answers) < 20_000


def test_what_is_announced_before_is_versioned_with_the_settings(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    before = Practice.objects.get().notice_version

    publication.open_feed(
        practitioner=cabinet.practitioner, level=Level.INITIALS, is_instructed=False, actor="x",
        now=NOW,
    )  # fmt: skip

    assert Practice.objects.get().notice_version == before + 1
    assert not CalendarEntry.objects.exists()
