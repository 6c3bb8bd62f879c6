"""Having the links sent again, and the pages that say what is kept."""

import html
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from booking.models import ExtraField, Practice
from booking.patients.form_versions import FormQuestion, publish
from booking.rules import kinds
from booking.scheduling.catalogue import save_practice
from booking.web.public import legal
from tenants.outbox.models import OutboxEntry
from tests.booking.web.public.conftest import (
    Visitor,
    hidden,
    text,
)
from tests.factories import NOW


def request_links(
    visitor: Visitor, contact: str, path: str = "/mes-donnees/"
) -> tuple[int, str, str]:
    fields = hidden(text(visitor.get(path)))
    visitor.wait(seconds=10)
    answer = visitor.post(path, fields | {"contact": contact})
    location = answer.headers.get("Location", "")
    return answer.status_code, location, text(visitor.get(location)) if location else text(answer)


def links_due() -> int:
    return OutboxEntry.objects.filter(kind=kinds.MANAGE_LINKS).count()


def test_a_known_address_and_an_unknown_one_get_the_same_answer(visitor: Visitor) -> None:
    visitor.book()

    assert request_links(visitor, "camille@example.org") == request_links(
        visitor, "personne@example.org"
    )
    assert links_due() == 1


def test_a_lost_link_is_found_again_from_the_page_of_the_practice(visitor: Visitor) -> None:
    visitor.book()
    home, page = text(visitor.get("/")), text(visitor.get("/mon-rendez-vous/"))

    known = request_links(visitor, "camille@example.org", "/mon-rendez-vous/")

    assert 'href="/mon-rendez-vous/"' in home
    assert "Recevoir mon lien" in page
    assert "justificatif" not in page
    assert known == request_links(visitor, "personne@example.org", "/mon-rendez-vous/")
    assert links_due() == 1


def test_what_cannot_be_read_stays_typed_on_the_page_of_the_lost_link(visitor: Visitor) -> None:
    status, location, shown = request_links(visitor, "camille", "/mon-rendez-vous/")

    assert (status, location) == (422, "")
    assert 'value="camille"' in shown
    assert visitor.post("/mon-rendez-vous/", {"contact": "a@example.org"}).status_code == 400


@pytest.mark.parametrize(
    "typed", ["CAMILLE@example.org", " camille@example.org ", "06 39 98 01 04", "+33 6 39 98 01 04"]
)
def test_links_are_found_however_the_address_is_written(visitor: Visitor, typed: str) -> None:
    visitor.book(phone="0639980104")

    request_links(visitor, typed)

    assert links_due() == 1


def test_a_known_address_costs_the_same_statements_as_an_unknown_one(visitor: Visitor) -> None:
    visitor.book()
    statements = []
    for contact in ("camille@example.org", "personne@example.org"):
        with CaptureQueriesContext(connection) as asked:
            request_links(visitor, contact)
        verbs = [query["sql"].split()[0] for query in asked.captured_queries]
        # Giving up a savepoint is one short statement more than keeping it.
        statements.append([verb for verb in verbs if verb not in {"ROLLBACK", "RELEASE"}])

    assert statements[0] == statements[1]
    assert links_due() == 1


def test_asking_twice_in_a_day_sends_once(visitor: Visitor) -> None:
    visitor.book()
    for _ in range(3):
        request_links(visitor, "camille@example.org")

    assert links_due() == 1


def test_past_appointments_are_not_sent(visitor: Visitor) -> None:
    visitor.book()
    visitor.wait(days=2)

    request_links(visitor, "camille@example.org")

    assert links_due() == 0


def test_the_fourth_question_about_an_address_is_answered_alike_and_sends_nothing(
    visitor: Visitor,
) -> None:
    answers = [request_links(visitor, "camille@example.org") for _ in range(3)]
    visitor.book()

    assert request_links(visitor, "camille@example.org") == answers[0]
    assert links_due() == 0


@pytest.mark.parametrize("typed", ["", "x", "@", "12", "camille@"])
def test_what_is_no_address_is_said_beside_the_field(visitor: Visitor, typed: str) -> None:
    status, _location, page = request_links(visitor, typed)

    assert status == 422
    assert 'aria-invalid="true"' in page


def test_a_form_of_elsewhere_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/mes-donnees/", {"contact": "camille@example.org"}).status_code == 400


def test_the_privacy_page_says_what_the_settings_say(visitor: Visitor) -> None:
    Practice.objects.update(retention_days=100, reminder_minute=9 * 60 + 30)

    page = html.unescape(text(visitor.get("/confidentialite/")))

    assert "100 jours au plus" in page
    assert "la veille à 9\u00a0h\u00a030" in page
    assert "responsable" in page
    assert "CNIL" in page


def test_the_legal_notice_is_made_of_the_practice(visitor: Visitor) -> None:
    page = html.unescape(text(visitor.get("/mentions-legales/")))

    for part in (
        "Maite Exemple EI",
        "12 rue de la Falaise",
        "Directeur de la publication",
        "Hébergement",
        "lib-rdv",
    ):
        assert part in page


def test_whoever_answers_is_named_with_a_number(visitor: Visitor) -> None:
    Practice.objects.update(rights_contact=Practice.RightsContact.LIBRDV)
    answered = text(visitor.get("/mes-donnees/"))
    Practice.objects.update(rights_contact=Practice.RightsContact.PRACTICE)
    itself = text(visitor.get("/mes-donnees/"))

    assert 'href="tel:0559230804"' in answered
    assert 'href="tel:0559230804"' not in itself


def test_the_privacy_page_is_dated_by_the_settings_that_it_shows(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legal, "WRITTEN_ON", date(2026, 11, 1))

    def dated_after(**values: object) -> bool:
        save_practice(values=values, actor="system", now=NOW)
        return "10\u00a0novembre\u00a02026" in text(visitor.get("/confidentialite/"))

    assert not dated_after(max_open_bookings=4)
    assert dated_after(reminder_minute=17 * 60)


def test_the_privacy_page_names_those_who_carry_the_messages(
    visitor: Visitor, settings: Settings
) -> None:
    settings.MAIL_PROVIDER_NAME, settings.SMS_PROVIDER_NAME = "Poste Exemple", "Voix Exemple"
    settings.SMS_GATEWAY = "brevo"
    without = text(visitor.get("/confidentialite/"))
    Practice.objects.update(sms_enabled=True)

    assert "envoi des e-mails (Poste Exemple). " in without
    assert "e-mails (Poste Exemple), des SMS (Voix Exemple). " in text(
        visitor.get("/confidentialite/")
    )


def test_a_consent_that_is_asked_for_can_be_withdrawn(visitor: Visitor) -> None:
    def is_mentioned(basis: ExtraField.Basis) -> bool:
        dog = FormQuestion(
            key="chien", label="Nom du chien", kind=ExtraField.FieldKind.SHORT_TEXT, purpose="le saluer",
            retention="effacée avec le rendez-vous", legal_basis=basis,
        )  # fmt: skip
        publish(questions=[dog], actor="system", now=NOW)
        return "se retire à tout moment" in text(visitor.get("/confidentialite/"))

    assert not is_mentioned(ExtraField.Basis.CONTRACT)
    assert is_mentioned(ExtraField.Basis.CONSENT)
