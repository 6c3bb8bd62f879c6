"""The SMTP server of tests and demonstration fails as ordered."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.fakes.smtp import Fault, SmtpServer


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as running:
        running.slow_seconds = 0.01
        yield running


def send(server: SmtpServer, *, message_id: str = "<1@exemple.fr>") -> None:
    message = EmailMessage()
    message["From"], message["To"] = "cabinet@exemple.fr", "zoe@exemple.fr"
    message["Subject"], message["Message-ID"] = "Rendez-vous à 9 h", message_id
    message.set_content("À demain")
    message.add_alternative("<p>À demain</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
        client.send_message(message)


def test_an_accepted_message_is_readable_in_both_parts(server: SmtpServer) -> None:
    send(server)

    (delivery,) = server.deliveries
    assert delivery.message["Subject"] == "Rendez-vous à 9 h"
    assert delivery.part("plain").strip() == "À demain"
    assert "<p>À demain</p>" in delivery.part("html")
    assert server.sent_to("zoe@exemple.fr") == 1


def test_the_spool_holds_one_file_for_each_message(tmp_path: Path) -> None:
    with SmtpServer(spool=tmp_path / "mail") as server:
        send(server)

    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert b"Message-ID: <1@exemple.fr>" in file.read_bytes()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.REFUSE_RECIPIENT, smtplib.SMTPRecipientsRefused),
        (Fault.TRY_LATER, smtplib.SMTPDataError),
        (Fault.REFUSE_MESSAGE, smtplib.SMTPDataError),
        (Fault.RESET_BEFORE_ACCEPT, smtplib.SMTPServerDisconnected),
    ],
)
def test_a_refused_message_is_not_kept_and_the_next_one_is(
    server: SmtpServer, fault: Fault, error: type[Exception]
) -> None:
    server.fail(fault)

    with pytest.raises(error):
        send(server)

    assert server.deliveries == []
    send(server)
    assert len(server.deliveries) == 1


def test_a_reset_after_the_message_was_taken_makes_the_repeat_a_copy(server: SmtpServer) -> None:
    server.fail(Fault.RESET_AFTER_ACCEPT)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(server)
    send(server)

    assert server.copies() == {"<1@exemple.fr>": 2}


def test_a_slow_answer_is_still_an_answer(server: SmtpServer) -> None:
    server.fail(Fault.SLOW)

    send(server)

    assert server.faults[Fault.SLOW] == 1
    assert len(server.deliveries) == 1


def test_a_fault_for_one_address_spares_the_others(server: SmtpServer) -> None:
    server.fail(Fault.REFUSE_RECIPIENT, recipient="max@exemple.fr")

    send(server)

    assert server.sent_to("zoe@exemple.fr") == 1
