import datetime as dt
import socket
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from pytest_django import Settings

from tenants.email_transport import (
    Mail,
    MailRefusedError,
    MailUnavailableError,
    submit,
)
from tenants.http_gateway import OutboundRefusedError
from tenants.schema import Unit
from tests.fakes.brevo import API_KEY, KEY_SECONDS, Brevo, running

KEY = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
NOW = dt.datetime(2026, 11, 10, 8, 0, tzinfo=dt.UTC)


def mail(*, is_retry: bool = False) -> Mail:
    made = Mail(
        key=KEY,
        written_at=NOW,
        is_retry=is_retry,
        subject="Votre rendez-vous",
        body="Bonjour\n",
        from_email="Maite Exemple <rendez-vous@lib-rdv.example>",
        to=["camille@patient.example"],
    )
    made.attach_alternative("<p>Bonjour</p>", "text/html")
    return made


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def brevo(settings: Settings, clock: Clock) -> Iterator[Brevo]:
    server = Brevo(clock=clock, report_after=120)
    with running(server) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield server


class Relay:
    """What an SMTP server answers; it keeps what it accepted."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.to_recipient = "250 OK"
        self.to_sender = "250 OK"
        self.accepted: list[bytes] = []

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.to_sender.startswith("250"):
            envelope.mail_from = address
        return self.to_sender

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.accepted.append(envelope.content)
        return self.answer


@pytest.fixture
def relay(settings: Settings) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    handler = Relay()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "tenants.email_transport.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield handler
    controller.stop()


def test_smtp_sends_both_parts_with_a_fixed_message_id(relay: Relay) -> None:
    submit(mail())
    submit(mail(is_retry=True))

    assert len(relay.accepted) == 2
    identifiers = {
        line
        for content in relay.accepted
        for line in content.splitlines()
        if line.lower().startswith(b"message-id")
    }
    assert len(identifiers) == 1
    assert b"idempotency" not in relay.accepted[0].lower()
    assert b"text/plain" in relay.accepted[0]
    assert b"text/html" in relay.accepted[0]


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("to_recipient", "550 no such user camille@patient.example", MailRefusedError),
        ("to_recipient", "450 greylisted camille@patient.example", MailUnavailableError),
        ("to_sender", "553 sender not yours rendez-vous@lib-rdv.example", MailUnavailableError),
        ("answer", "554 refused", MailRefusedError),
        ("answer", "451 try later", MailUnavailableError),
    ],
)
def test_an_answer_is_a_code_and_never_an_address(
    relay: Relay, step: str, answer: str, error: type[Exception]
) -> None:
    setattr(relay, step, answer)

    with pytest.raises(error) as refusal:
        submit(mail())

    assert "@" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_an_unreachable_relay_is_retried(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tenants.email_transport.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    with pytest.raises(MailUnavailableError, match="unreachable"):
        submit(mail())


def test_no_mail_is_sent_inside_a_unit_of_work(relay: Relay, tenant: Unit) -> None:
    with pytest.raises(OutboundRefusedError):
        submit(mail())
    with pytest.raises(OutboundRefusedError):
        mail().send()

    assert relay.accepted == []


def test_brevo_receives_the_key_and_none_of_its_own_headers(brevo: Brevo) -> None:
    submit(mail())

    body = brevo.mails()[0].body
    assert body["headers"]["idempotencyKey"] == str(KEY)
    assert body["tags"] == [KEY.hex]
    assert body["sender"] == {"name": "Maite Exemple", "email": "rendez-vous@lib-rdv.example"}
    assert body["to"] == [{"email": "camille@patient.example"}]
    assert brevo.refusals == []


def test_a_lost_response_and_a_retry_send_one_mail(brevo: Brevo) -> None:
    brevo.faults.append("answer_lost")
    with pytest.raises(MailUnavailableError):
        submit(mail())

    submit(mail(is_retry=True))

    assert len(brevo.mails()) == 1
    assert brevo.refusals == ["duplicate_parameter: idempotencyKey is already used"]


def test_without_a_key_a_retry_sends_two_mails(brevo: Brevo) -> None:
    brevo.honours_keys = False
    brevo.faults.append("answer_lost")
    with pytest.raises(MailUnavailableError):
        submit(mail())

    submit(mail(is_retry=True))

    assert len(brevo.mails()) == 2


def test_a_retry_after_the_life_of_the_key_queries_first(brevo: Brevo, clock: Clock) -> None:
    brevo.faults.append("answer_lost")
    with pytest.raises(MailUnavailableError):
        submit(mail())
    clock.seconds = KEY_SECONDS + 1

    submit(mail(is_retry=True))

    assert len(brevo.mails()) == 1
    assert brevo.requests["/v3/smtp/email"] == 1


@pytest.mark.parametrize("fault", ["error_before", "throttled"])
def test_an_error_of_brevo_is_retried(brevo: Brevo, fault: str) -> None:
    brevo.faults.append(fault)
    with pytest.raises(MailUnavailableError, match="not_accepted"):
        submit(mail())

    submit(mail(is_retry=True))

    assert len(brevo.mails()) == 1


def test_an_address_refused_by_brevo_is_final(brevo: Brevo) -> None:
    wrong = mail()
    wrong.to = ["camille@localhost"]

    with pytest.raises(MailRefusedError, match="refused"):
        submit(wrong)


def test_a_mail_is_retried_after_a_wrong_api_key(brevo: Brevo, settings: Settings) -> None:
    settings.BREVO_API_KEY = "wrong"

    with pytest.raises(MailUnavailableError):
        submit(mail())
