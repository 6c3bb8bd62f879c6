"""The four e-mails about calendars: recipient, condition at the delivery, and no name of a patient."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from pytest_django.fixtures import Settings

from booking.google.emails import StuckAlert
from booking.google.revocation import mark_lost
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.rules import kinds
from tenants.accounts.models import Role
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_entry, make_link
from tests.fakes.brevo import API_KEY, Brevo, running

VISIT = local(date(2026, 11, 24), 14, 30)
REFUSED: dict[str, Any] = {"state": "refused"}
WAITING: dict[str, Any] = {"version": 2, "changed_at": NOW - timedelta(hours=1)}


class Post:
    """A practice with a link, and the e-mails that the fake relay received."""

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
        """Book an appointment at the time of another event of the practitioner's calendar."""
        with inside(self.unit):
            appointment = make_appointment(self.cabinet, VISIT)
            make_entry(appointment, self.account, has_conflict=True)
            version = kinds.AppointmentVersion(appointment.sequence)
            due = Due(kinds.CALENDAR_CONFLICT, subject_of(appointment), version, NOW)
            write(due=[due], now=NOW)
        return appointment

    def fail(self, **fields: Any) -> Appointment:
        """Book an appointment whose push fails, and enqueue the e-mail to its practitioner."""
        with inside(self.unit):
            appointment = make_appointment(self.cabinet, VISIT)
            make_entry(appointment, self.account, **fields)
            due = Due(
                kinds.CALENDAR_FAILING, subject_of(self.account), NO_PAYLOAD, NOW, repeat="20261110"
            )
            write(due=[due], now=NOW)
        return appointment

    def lose(self) -> None:
        with inside(self.unit):
            mark_lost(account_id=self.account.pk, now=NOW)

    @property
    def mail(self) -> dict[str, Any]:
        """The only e-mail that was sent."""
        (email,) = self.brevo.mails()
        return email.body


@pytest.fixture
def relay(settings: Settings) -> Iterator[Brevo]:
    """The fake relay of e-mails."""
    brevo = Brevo()
    with running(brevo) as address:
        settings.OUTBOUND = {**settings.OUTBOUND, "brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield brevo


@pytest.fixture
def post(committed_tenant: Callable[[str], Unit], relay: Brevo) -> Post:
    return Post(committed_tenant("lettres"), relay)


def text_of(mail: dict[str, Any]) -> str:
    return str(mail["textContent"] + mail["htmlContent"] + mail["subject"]).replace("\xa0", " ")


def test_a_lost_link_causes_one_email_to_its_practitioner(post: Post) -> None:
    with inside(post.unit):
        post.cabinet.practitioner.user = make_member(Role.PRACTITIONER, "maite@example.org")
        post.cabinet.practitioner.save(update_fields=["user"])
    post.lose()
    post.lose()

    assert post.deliver(kinds.CALENDAR_LOST) == "sent"

    assert [recipient["email"] for recipient in post.mail["to"]] == ["maite@example.org"]
    assert post.mail["subject"] == "Votre agenda Google est à reconnecter"
    assert "Rien n’est perdu" in text_of(post.mail)


def test_the_email_says_that_online_booking_is_closed(post: Post) -> None:
    with inside(post.unit):
        GoogleAccount.objects.update(closes_when_lost=True)
    post.lose()
    post.deliver(kinds.CALENDAR_LOST)

    assert "est fermée, comme vous l’avez choisi" in text_of(post.mail)


def test_the_practice_gets_the_email_of_an_agenda_without_user(post: Post) -> None:
    post.lose()
    post.deliver(kinds.CALENDAR_LOST)

    assert [recipient["email"] for recipient in post.mail["to"]] == ["cabinet@example.org"]


def test_no_email_is_sent_after_a_reconnection(post: Post) -> None:
    post.lose()
    with inside(post.unit):
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.CONNECTED)

    assert post.deliver(kinds.CALENDAR_LOST) == "not_sent:reconnected"
    assert post.brevo.mails() == []


def test_the_email_about_a_conflict_holds_day_time_and_reference_and_no_person(post: Post) -> None:
    appointment = post.conflict()

    assert post.deliver(kinds.CALENDAR_CONFLICT) == "sent"

    text = text_of(post.mail)
    assert "Deux choses à la fois le mardi 24 novembre à 14 h 30" in text
    assert f"(référence {appointment.spoken_ref})" in text
    assert "Rien n’a changé pour la personne" in text
    for word in ("Camille", "Spécimen", "camille@", "98 01 04", "Consultation", "Ostéopathe"):
        assert word not in text


def test_no_email_is_sent_for_a_conflict_that_is_over(post: Post) -> None:
    post.conflict()
    with inside(post.unit):
        CalendarEntry.objects.update(has_conflict=False)

    assert post.deliver(kinds.CALENDAR_CONFLICT) == "not_sent:over"


def test_no_email_is_sent_for_a_conflict_of_a_past_appointment(post: Post) -> None:
    post.conflict()

    assert post.deliver(kinds.CALENDAR_CONFLICT, at=VISIT) == "not_sent:over"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (REFUSED, "Google a refusé un changement, que lib-rdv retente chaque nuit."),
        (WAITING, "Un rendez-vous attend depuis plus d’une heure, et lib-rdv réessaie."),
    ],
)
def test_the_email_about_failed_pushes_gives_advice_and_names_no_person(
    post: Post, fields: dict[str, Any], sentence: str
) -> None:
    appointment = post.fail(**fields)

    assert post.deliver(kinds.CALENDAR_FAILING) == "sent"

    text = text_of(post.mail)
    assert post.mail["subject"] == "Votre agenda Google n’est plus à jour"
    assert sentence in text
    assert "donnez de nouveau votre accord en laissant toutes les cases cochées" in text
    for word in (
        "Camille",
        "Spécimen",
        "camille@",
        "98 01 04",
        "Consultation",
        appointment.spoken_ref,
    ):
        assert word not in text


@pytest.mark.parametrize("fields", [{}, {**WAITING, "changed_at": NOW - timedelta(minutes=59)}])
def test_no_email_is_sent_when_the_events_were_pushed_meanwhile(
    post: Post, fields: dict[str, Any]
) -> None:
    post.fail(**fields)

    assert post.deliver(kinds.CALENDAR_FAILING) == "not_sent:over"


def test_a_lost_account_causes_no_email_about_failed_pushes(post: Post) -> None:
    post.fail(**WAITING)
    post.lose()

    assert post.deliver(kinds.CALENDAR_FAILING) == "not_sent:over"


@pytest.mark.parametrize(
    "kind", [kinds.CALENDAR_LOST, kinds.CALENDAR_CONFLICT, kinds.CALENDAR_FAILING]
)
def test_each_leads_to_the_page_on_the_practices_own_host_and_to_nothing_remote(
    post: Post, kind: str
) -> None:
    enqueue: dict[str, Callable[[], object]] = {
        kinds.CALENDAR_LOST: post.lose,
        kinds.CALENDAR_CONFLICT: post.conflict,
        kinds.CALENDAR_FAILING: partial(post.fail, **REFUSED),
    }
    enqueue[kind]()
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
def test_the_alert_to_staff_holds_the_number_of_accounts_only(
    relay: Brevo, count: int, subject: str
) -> None:
    entry = OutboxEntry(kind=kinds.CALENDAR_STUCK, due_at=NOW, created_at=NOW, attempts=1)

    deliver = StuckAlert().prepare(
        entry, kinds.AccountCount(count), unit=PUBLIC, now=NOW + timedelta(minutes=1)
    )
    assert callable(deliver)
    outcome = deliver()

    (mail,) = relay.mails()
    assert str(outcome.state) == "sent"
    assert mail.body["subject"] == subject
    assert [recipient["email"] for recipient in mail.body["to"]] == ["equipe@lib-rdv.localhost"]
    assert re.findall(r"https?://", mail.body["textContent"] + mail.body["htmlContent"]) == []
