"""The relay of the proofs: a message lies in its spool until it is delivered, and no file is left after that."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from config.devtools.processes import wait_until
from tests.proofs import search
from tests.proofs.spool import MailSpool, run_relay

ZOE = "zoe@example.org"


@pytest.fixture
def relay() -> Iterator[tuple[str, MailSpool]]:
    with run_relay() as made:
        yield made


def send(url: str, recipient: str) -> None:
    message = EmailMessage()
    message["To"], message["Subject"] = recipient, "Bonjour"
    message.set_content("Un mot que l’on retrouve.\n")
    with smtplib.SMTP("127.0.0.1", int(url.rpartition(":")[2])) as client:
        client.send_message(message, from_addr="cabinet@example.org")


def test_a_delivered_message_leaves_no_file(relay: tuple[str, MailSpool]) -> None:
    url, spool = relay

    send(url, ZOE)

    assert wait_until(lambda: len(spool.delivered) == 1, seconds=10)
    assert spool.wait_until_empty(seconds=10)
    assert list(search.files_under(spool.folder)) == []
    assert spool.delivered[0].recipients == (ZOE,)
    assert spool.delivered[0].part("plain").strip() == "Un mot que l’on retrouve."


def test_a_message_that_is_held_back_is_a_file_that_the_search_finds(
    relay: tuple[str, MailSpool],
) -> None:
    url, spool = relay
    spool.hold_back(ZOE)

    send(url, ZOE)
    send(url, "camille@example.org")

    assert wait_until(lambda: len(spool.delivered) == 1, seconds=10)
    assert [delivery.recipients for delivery in spool.in_flight()] == [(ZOE,)]
    assert any(ZOE.encode() in piece for piece in search.files_under(spool.folder))

    spool.release()

    assert spool.wait_until_empty(seconds=10)
    assert [delivery.recipients for delivery in spool.delivered][1:] == [(ZOE,)]


@pytest.mark.parametrize("cut", [b"=\r\n", b"=\n", b"\r\n", b"\n"])
def test_a_word_that_a_line_of_a_mail_breaks_is_found(cut: bytes) -> None:
    pieces = list(search.unfolded([b"UW" + cut + b"l0"]))

    assert any(b"UWl0" in piece for piece in pieces)
