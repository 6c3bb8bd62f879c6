"""The four mails about calendars: to whom, when they are still true, and nobody's name in them."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from pytest_django.fixtures import Settings

from booking import kinds
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.services.google.letters import StuckAlert
from booking.services.google.links import lose
from tenants.accounts.models import Role
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_entry, make_link
from tests.fakes.brevo import API_KEY, Brevo, running

VISIT = local(date(2026, 11, 24), 14, 30)
REFUSED: dict[str, Any] = {"state": "refused"}
WAITING: dict[str, Any] = {"wanted": 2, "wanted_at": NOW - timedelta(hours=1)}


class Post:
    """A practice with a link, and what reached the relay."""

    def __init__(self, unit: Unit, brevo: Brevo) -> None:
        self.unit, self.brevo = unit, brevo
        with inside(unit):
            self.cabinet = Cabinet()
            self.account = make_link(self.cabinet.practitioner)

    def deliver(self, kind: str, *, at: Any = NOW) -> str:
        """Deliver the latest entry of a kind and return its state, with the reason if there is one."""
        with inside(self.unit):
            entry = OutboxEntry.objects.filter(kind=kind).latest("id")
        deliver_entry(unit=self.unit, ref=entry.ref, now=at, clock=lambda: at)
        with inside(self.unit):
            entry.refresh_from_db()
        return f"{entry.state}:{entry.reason}" if entry.reason else str(entry.state)

    def conflict(self) -> Appointment:
        """Book something at the time of which the practitioner's calendar has something else."""
        with inside(self.unit):
            held = make_appointment(self.cabinet, VISIT)
            make_entry(held, self.account, has_conflict=True)
            due = Due(kinds.CALENDAR_CONFLICT, held.pk, NOW, version=held.sequence)
            write(due=[due], now=NOW)
        return held

    def fail(self, **fields: Any) -> Appointment:
        """Book something that cannot be written, and have its practitioner told."""
        with inside(self.unit):
            held = make_appointment(self.cabinet, VISIT)
            make_entry(held, self.account, **fields)
            due = Due(kinds.CALENDAR_FAILING, self.account.pk, NOW, audience="20261110")
            write(due=[due], now=NOW)
        return held

    def lose(self) -> None:
        with inside(self.unit):
            lose(account_id=self.account.pk, now=NOW)

    @property
    def mail(self) -> dict[str, Any]:
        """The only mail that was sent."""
        (one,) = self.brevo.mails()
        return one.body


@pytest.fixture
def relay(settings: Settings) -> Iterator[Brevo]:
    """The relay of the mails."""
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {**settings.OUTBOUND, "brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.mail.BrevoBackend"
        yield brevo


@pytest.fixture
def post(committed_tenant: Callable[[str], Unit], relay: Brevo) -> Post:
    return Post(committed_tenant("lettres"), relay)


def text_of(mail: dict[str, Any]) -> str:
    return str(mail["textContent"] + mail["htmlContent"] + mail["subject"]).replace("\xa0", " ")


def test_a_lost_link_is_told_once_to_its_practitioner(post: Post) -> None:
    with inside(post.unit):
        post.cabinet.practitioner.user = make_member(Role.PRACTITIONER, "maite@example.org")
        post.cabinet.practitioner.save(update_fields=["user"])
    post.lose()
    post.lose()

    assert post.deliver(kinds.CALENDAR_LOST) == "sent"

    assert [one["email"] for one in post.mail["to"]] == ["maite@example.org"]
    assert post.mail["subject"] == "Votre agenda Google est à reconnecter"
    assert "Rien n’est perdu" in text_of(post.mail)


def test_a_practice_that_closes_then_is_told_so(post: Post) -> None:
    with inside(post.unit):
        GoogleAccount.objects.update(closes_when_lost=True)
    post.lose()
    post.deliver(kinds.CALENDAR_LOST)

    assert "est fermée, comme vous l’avez choisi" in text_of(post.mail)


def test_a_practice_is_told_of_an_agenda_that_nobody_has_an_account_for(post: Post) -> None:
    post.lose()
    post.deliver(kinds.CALENDAR_LOST)

    assert [one["email"] for one in post.mail["to"]] == ["cabinet@example.org"]


def test_nobody_is_told_of_a_link_that_was_made_again(post: Post) -> None:
    post.lose()
    with inside(post.unit):
        GoogleAccount.objects.update(state=GoogleAccount.State.CONNECTED)

    assert post.deliver(kinds.CALENDAR_LOST) == "dropped:reconnected"
    assert post.brevo.mails() == []


def test_a_conflict_says_the_day_the_hour_the_reference_and_nobody(post: Post) -> None:
    held = post.conflict()

    assert post.deliver(kinds.CALENDAR_CONFLICT) == "sent"

    said = text_of(post.mail)
    assert "Deux choses à la fois le mardi 24 novembre à 14 h 30" in said
    assert f"(référence {held.spoken_ref})" in said
    assert "Rien n’a changé pour la personne" in said
    for word in ("Camille", "Spécimen", "camille@", "98 01 04", "Consultation", "Ostéopathe"):
        assert word not in said


def test_a_conflict_that_is_over_is_not_told(post: Post) -> None:
    post.conflict()
    with inside(post.unit):
        CalendarEntry.objects.update(has_conflict=False)

    assert post.deliver(kinds.CALENDAR_CONFLICT) == "dropped:over"


def test_a_conflict_of_the_past_is_not_told(post: Post) -> None:
    post.conflict()

    assert post.deliver(kinds.CALENDAR_CONFLICT, at=VISIT) == "dropped:over"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (REFUSED, "Google a refusé un changement, que lib-rdv retente chaque nuit."),
        (WAITING, "Un rendez-vous attend depuis plus d’une heure, et lib-rdv réessaie."),
    ],
)
def test_what_cannot_be_written_is_told_with_what_to_do_and_names_nobody(
    post: Post, fields: dict[str, Any], sentence: str
) -> None:
    held = post.fail(**fields)

    assert post.deliver(kinds.CALENDAR_FAILING) == "sent"

    said = text_of(post.mail)
    assert post.mail["subject"] == "Votre agenda Google n’est plus à jour"
    assert sentence in said
    assert "donnez de nouveau votre accord en laissant toutes les cases cochées" in said
    for word in ("Camille", "Spécimen", "camille@", "98 01 04", "Consultation", held.spoken_ref):
        assert word not in said


@pytest.mark.parametrize("fields", [{}, {**WAITING, "wanted_at": NOW - timedelta(minutes=59)}])
def test_what_was_written_meanwhile_is_not_told(post: Post, fields: dict[str, Any]) -> None:
    post.fail(**fields)

    assert post.deliver(kinds.CALENDAR_FAILING) == "dropped:over"


def test_who_must_reconnect_is_told_that_alone(post: Post) -> None:
    post.fail(**WAITING)
    post.lose()

    assert post.deliver(kinds.CALENDAR_FAILING) == "dropped:over"


@pytest.mark.parametrize(
    "kind", [kinds.CALENDAR_LOST, kinds.CALENDAR_CONFLICT, kinds.CALENDAR_FAILING]
)
def test_each_leads_to_the_page_on_the_practices_own_host_and_to_nothing_remote(
    post: Post, kind: str
) -> None:
    tell: dict[str, Callable[[], object]] = {
        kinds.CALENDAR_LOST: post.lose,
        kinds.CALENDAR_CONFLICT: post.conflict,
        kinds.CALENDAR_FAILING: partial(post.fail, **REFUSED),
    }
    tell[kind]()
    post.deliver(kind)

    for part in ("textContent", "htmlContent"):
        (link,) = set(re.findall(r"https?://[^\s\"<]+", post.mail[part]))
        assert link.startswith("http://lettres.lib-rdv.localhost:8000/")
        assert resolve(urlsplit(link).path, urlconf="config.urls_tenant").url_name == "google"
    assert re.findall(r"src=|@import|url\(", post.mail["htmlContent"]) == []


@pytest.mark.parametrize(
    ("count", "subject"),
    [
        (1, "1 agenda Google ne suit plus"),
        (3, "3 agendas Google ne suivent plus"),
    ],
)
def test_staff_are_told_how_many_wait_and_nothing_else(
    relay: Brevo, count: int, subject: str
) -> None:
    entry = OutboxEntry(
        kind=kinds.CALENDAR_STUCK, object_id=count, due_at=NOW, created_at=NOW, attempts=1
    )

    act = StuckAlert().prepare(entry, unit=PUBLIC, now=NOW + timedelta(minutes=1))
    assert callable(act)
    outcome = act()

    (mail,) = relay.mails()
    assert str(outcome.state) == "sent"
    assert mail.body["subject"] == subject
    assert [one["email"] for one in mail.body["to"]] == ["equipe@lib-rdv.localhost"]
    assert re.findall(r"https?://", mail.body["textContent"] + mail.body["htmlContent"]) == []
