"""Every page of the dashboard: opens for who may, refuses the stranger, refuses the wrong method."""

import uuid
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from booking.models import Absence, OpeningException, OpeningHours, Replacement, WaitingEntry
from booking.practice.site import practice_facts
from booking.waiting_list import offers, waiting_entries
from booking.waiting_list.waiting_entries import Wish
from booking.web.dashboard.urls import urlpatterns
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tenants.website.pictures import Encoded, EncodedSize
from tenants.website.services import (
    drafts,
    gallery,
    publication,
)
from tests.accounts import browser, make_member, memberships_of
from tests.booking.web.samples import undone
from tests.factories import NOW, Cabinet, make_appointment, make_link, make_person

READERS = (
    "today",
    "week",
    "pulse",
    "names",
    "block",
    "touched",
    "book",
    "appointment",
    "move",
    "resize",
    "cancel",
    "correct",
    "erase",
    "hours",
    "week_add",
    "week_edit",
    "date_edit",
    "absence_add",
    "absence",
    "first_profession",
    "first_place",
    "first_hours",
    "first_appointment_types",
    "first_legal_identity",
    "identity_request",
    "first_ready",
    "share_code",
    "appointment_types",
    "appointment_type_add",
    "appointment_type_templates",
    "appointment_type_edit",
    "places",
    "place_add",
    "place_edit",
    "team",
    "invite",
    "member",
    "member_edit",
    "revoke",
    "my_history",
    "agenda_add",
    "agenda_edit",
    "replacement_add",
    "feeds",
    "messages",
    "digest",
    "texts",
    "text",
    "statistics",
    "statistics_table",
    "subscription",
    "practice",
    "waiting",
    "waiting_add",
    "waiting_offer",
    "waiting_remove",
    "site",
    "site_text",
    "site_colour",
    "site_picture",
    "site_card",
    "site_questionnaire",
    "site_preview",
    "site_preview_colour",
    "site_preview_picture",
    "site_unpublish",
    "privacy",
    "google",
    "google_agenda",
    "google_state",
    "google_disconnect",
)
READ_ONLY = (
    "feeds",
    "today",
    "week",
    "pulse",
    "names",
    "touched",
    "appointment",
    "hours",
    "absence",
    "first_ready",
    "share_code",
    "appointment_types",
    "places",
    "team",
    "waiting",
    "site",
    "site_preview",
    "site_preview_colour",
    "site_preview_picture",
    "member",
    "my_history",
    "messages",
    "texts",
    "statistics",
    "statistics_table",
    "google",
    "google_state",
)
WRITERS = (
    "seen",
    "feed_change",
    "agenda_choice",
    "mark",
    "call",
    "resend",
    "message_resend",
    "week_remove",
    "date_clear",
    "day_close",
    "holidays",
    "absence_remove",
    "appointment_type_change",
    "appointment_type_order",
    "first_open",
    "place_change",
    "agenda_change",
    "place_order",
    "place_address",
    "invitation_change",
    "replacement_remove",
    "waiting_change",
    "offer_answer",
    "site_publish",
    "google_connect",
    "google_resync",
    "google_decide",
    "google_delete_event",
    "google_complete_task",
)
ELSEWHERE = ("first_day", "google_return", "bill_pdf", "bill_xml", "order_pdf")
"""Tried by tests of their own: one leads on, one takes what only Google gives, files need documents of billing."""
WAITING = {"waiting", "waiting_add", "waiting_offer", "waiting_remove"}
SECRETARY = {
    "today", "week", "pulse", "names", "book", "appointment", "move", "resize", "cancel", "correct", "erase",
    "hours", "absence_add", "absence", "block", "touched", "my_history", "messages", "digest", *WAITING,
}  # fmt: skip
PRACTITIONER = SECRETARY | {
    "week_add", "week_edit", "date_edit", "replacement_add", "feeds", "statistics", "statistics_table",
    "site", "site_card", "site_preview", "site_preview_colour", "site_preview_picture",
    "google", "google_agenda", "google_state", "google_disconnect",
}  # fmt: skip
REPLACEMENT = SECRETARY - {"hours", "absence_add", "absence", "block", "touched"}

Address = Callable[[str], str]


@pytest.fixture
def address(cabinet: Cabinet) -> Address:
    """Return a function that gives the address of each page, about something that exists."""
    member = make_member(Role.OWNER, "titulaire@example.org")
    appointment = make_appointment(cabinet, NOW + timedelta(days=2))
    absence = Absence.objects.create(
        practitioner=cabinet.practitioner,
        starts_at=NOW + timedelta(days=9),
        ends_at=NOW + timedelta(days=10),
    )
    week = OpeningHours.objects.filter(practitioner=cabinet.practitioner).first()
    assert week is not None
    exception = OpeningException.objects.create(
        practitioner=cabinet.practitioner, location=cabinet.location, on_date=date(2026, 12, 1)
    )
    replacement = Replacement.objects.create(
        practitioner=cabinet.practitioner,
        substitute_name="Paul Factice",
        from_on=date(2026, 12, 7),
        to_on=date(2026, 12, 9),
    )
    practitioner = cabinet.practitioner.ref
    waiter = waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location),
        person=make_person(),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.STAFF,
        actor="system",
        now=NOW,
    )
    assert waiter is not None
    offered = offers.offer_by_hand(
        entry=waiter,
        selection=cabinet.selection(NOW + timedelta(days=3, minutes=50)),
        actor="system",
        now=NOW,
    )
    assert offered is not None
    picture = make_site(cabinet)
    make_link(cabinet.practitioner)
    entry = OutboxEntry.objects.filter(subject_id=appointment.pk)[0]
    arguments: dict[str, list[object]] = {
        "message_resend": [entry.ref],
        "text": ["confirmation"],
        **{
            key: [appointment.ref]
            for key in (
                "appointment",
                "mark",
                "call",
                "move",
                "resize",
                "cancel",
                "correct",
                "erase",
                "resend",
                "google_decide",
                "google_delete_event",
            )
        },
        "feed_change": [practitioner],
        "week_add": [practitioner],
        "week_edit": [practitioner, week.ref],
        "week_remove": [practitioner, week.ref],
        "date_edit": [practitioner],
        "day_close": [practitioner],
        "date_clear": [practitioner, exception.ref],
        "holidays": [cabinet.location.ref],
        "absence": [absence.ref],
        "touched": [absence.ref],
        "absence_remove": [absence.ref],
        "appointment_type_edit": [cabinet.type.ref],
        "appointment_type_change": [cabinet.type.ref],
        "place_edit": [cabinet.location.ref],
        "place_change": [cabinet.location.ref],
        "invitation_change": [uuid.uuid4()],
        **{key: [memberships_of(member)[0].ref] for key in ("member", "member_edit", "revoke")},
        "agenda_edit": [practitioner],
        "agenda_change": [practitioner],
        "replacement_remove": [replacement.ref],
        **{key: [waiter.ref] for key in ("waiting_change", "waiting_offer", "waiting_remove")},
        "offer_answer": [offered.ref],
        **{
            f"google_{page}": [practitioner]
            for page in ("agenda", "connect", "state", "resync", "disconnect")
        },
        "google_complete_task": [uuid.uuid4()],
        "site_text": ["access"],
        "site_picture": ["logo"],
        "site_card": [practitioner],
        "site_preview_picture": [picture, "grande"],
    }
    return lambda name: reverse(f"dashboard:{name}", args=arguments.get(name, []))


def make_site(cabinet: Cabinet) -> uuid.UUID:
    """Publish pages with a colour and a logo; return the logo's ref."""
    known = practice_facts(cabinet.practice, [cabinet.practitioner])
    encoded_size = EncodedSize(b"bytes", 160, 44)
    picture = gallery.put_picture(
        kind="logo", encoded=Encoded(encoded_size, encoded_size), described={"rights_holder": "Maite Exemple"},
        known=known, actor="system", now=NOW,
    )  # fmt: skip
    drafts.save_colour(typed="#0a4f5c", known=known, actor="system", now=NOW)
    publication.publish(known=known, by=None, seen=None, actor="system", now=NOW)
    return picture.ref


def status(answer: Any) -> int:
    return int(answer.status_code)


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == {*READERS, *WRITERS, *ELSEWHERE}


def test_the_guide_leads_to_what_is_left(address: Address, host: str) -> None:
    answer = browser(host, make_member(Role.OWNER)).get(address("first_day"))

    assert answer["Location"] == address("first_ready")


def each(names: Iterable[str], send: Callable[[str], Any], found: Callable[[Any], Any]) -> Any:
    """Ask for every page of one practice, each time as it was made; return what was found, by page."""
    return {name: found(undone(send, name)) for name in names}


def test_the_owner_opens_every_page(address: Address, host: str) -> None:
    client = browser(host, make_member(Role.OWNER))

    found = each(
        READERS,
        lambda name: client.get(address(name)),
        lambda answer: (answer.status_code, "no-store" in answer["Cache-Control"]),
    )

    assert found == dict.fromkeys(READERS, (200, True))


def test_every_form_stands_above_the_privacy_notice_of_accounts(
    address: Address, host: str
) -> None:
    client = browser(host, make_member(Role.OWNER))

    def has_privacy_notice(answer: Any) -> bool:
        is_page = answer["Content-Type"].startswith("text/html") and "</html>" in answer.text
        if not is_page or "/apercu/" in answer.request["PATH_INFO"]:
            return True
        form, privacy_notice = answer.text.rfind("<form"), answer.text.find("Vos données de compte")
        return form < privacy_notice and 'href="/confidentialite/"' in answer.text[privacy_notice:]

    found = each(READERS, lambda name: client.get(address(name)), has_privacy_notice)

    assert found == dict.fromkeys(READERS, True)


def test_a_stranger_is_sent_to_the_door(address: Address, host: str) -> None:
    client = browser(host)

    found = each(
        [*READERS, *WRITERS],
        lambda name: client.post(address(name)),
        lambda answer: (answer.status_code, answer["Location"].startswith("/connexion/?next=")),
    )

    assert found == dict.fromkeys([*READERS, *WRITERS], (302, True))


def test_reading_pages_take_no_post(address: Address, host: str) -> None:
    client = browser(host, make_member(Role.OWNER))

    found = each(READ_ONLY, lambda name: client.post(address(name)), status)

    assert found == dict.fromkeys(READ_ONLY, 405)


def test_writers_take_no_get(address: Address, host: str) -> None:
    client = browser(host, make_member(Role.OWNER))

    found = each(WRITERS, lambda name: client.get(address(name)), status)

    assert found == dict.fromkeys(WRITERS, 405)


def opened(address: Address, host: str, role: Role, cabinet: Cabinet, **fields: object) -> set[str]:
    """Return the names of the pages that a role opens."""
    user = make_member(role, **fields)  # type: ignore[arg-type]  # only entrusted is given
    if role is Role.PRACTITIONER:
        cabinet.practitioner.user = user
        cabinet.practitioner.save(update_fields=["user"])
    client = browser(host, user)
    return {name for name in READERS if client.get(address(name)).status_code == 200}


def test_a_secretary_opens_the_agenda_and_no_setting(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    assert opened(address, host, Role.SECRETARY, cabinet) == SECRETARY


def test_a_practitioner_opens_their_own_agenda_and_hours(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    assert opened(address, host, Role.PRACTITIONER, cabinet) == PRACTITIONER


def test_a_replacement_opens_the_agenda_it_keeps(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    kept = [cabinet.practitioner.ref]

    assert opened(address, host, Role.REPLACEMENT, cabinet, entrusted=kept) == REPLACEMENT


def test_a_replacement_of_somebody_else_sees_nothing_of_this_agenda(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    user = make_member(Role.REPLACEMENT, entrusted=[uuid.uuid4()])

    answer = browser(host, user).get(address("appointment"))

    assert answer.status_code == 404


def test_a_practitioner_does_not_see_a_colleagues_appointment(
    address: Address, host: str, cabinet: Cabinet
) -> None:
    from tests.factories import make_practitioner  # only here

    colleague = make_member(Role.PRACTITIONER)
    make_practitioner("Hugo Fictif", user=colleague)

    statuses = [
        browser(host, colleague).get(address(name)).status_code
        for name in ("appointment", "cancel", "move", "week_edit", "absence")
    ]

    assert statuses == [404] * 5


def test_a_refused_role_gets_an_explanation(address: Address, host: str) -> None:
    answer = browser(host, make_member(Role.SECRETARY)).get(address("practice"))

    assert answer.status_code == 403
    assert "pas ouverte à votre rôle" in answer.text
