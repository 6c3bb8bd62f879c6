from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from booking.formats import sms
from booking.messages import appointment_messages
from tests.fakes.brevo import API_KEY, Brevo, running

KEY = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
LONGEST_LINK = "https://" + "a" * 31 + "/r/" + "B" * 22
LONGEST_SITE = "https://" + "a" * 51


@pytest.fixture
def brevo(settings: Settings) -> Iterator[Brevo]:
    server = Brevo()
    with running(server) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.SMS_GATEWAY = "brevo"
        settings.SMS_SENDER = "lib-rdv"
        yield server


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("RDV confirmé à 9 h", 18), ("€", 2), ("[a]", 5), ("ÇÉèéùìòà", 8), ("^{}\\~|", 12)],
)
def test_septets_count_escapes_twice(text: str, size: int) -> None:
    assert sms.septets(text) == size


@pytest.mark.parametrize("character", list("êâîôûëïçœ’«»…\u00a0À"))
def test_what_would_switch_to_ucs2_is_not_counted(character: str) -> None:
    assert sms.septets(character) is None


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Benoît", "Benoit"),
        ("François", "Francois"),
        ("Cœur d’Or", "Coeur d'Or"),
        ("Zoë Nuñez", "Zoe Nuñez"),
        ("André", "André"),
        ("Łukasz", "Lukasz"),
        ("Ève", "Eve"),
        ("Élodie", "Élodie"),
        ("Nguyễn", "Nguyen"),
        ("O’Connor – Cabinet", "O'Connor - Cabinet"),
    ],
)
def test_names_keep_what_the_alphabet_has(name: str, written: str) -> None:
    assert sms.transliterate(name) == written


@given(st.text(max_size=80))
def test_whatever_is_typed_ends_in_the_alphabet(text: str) -> None:
    assert sms.septets(sms.transliterate(text)) is not None


@pytest.mark.parametrize("kind", appointment_messages.SMS_TEMPLATES)
def test_every_message_fits_with_the_longest_values(kind: appointment_messages.MessageKind) -> None:
    text = sms.compose(
        appointment_messages.SMS_TEMPLATES[kind],
        practitioner="W" * 80,
        link=LONGEST_SITE if kind in appointment_messages.LINKS_TO_SITE else LONGEST_LINK,
        day="24/11/2026",
        hour="14:30",
    )

    assert (len(LONGEST_LINK), len(LONGEST_SITE)) == (64, 59)
    assert "W" * 35 in text
    assert (sms.septets(text) or 999) <= sms.ONE_MESSAGE


@given(
    name=st.text(min_size=1, max_size=80),
    kind=st.sampled_from(list(appointment_messages.SMS_TEMPLATES)),
)
def test_no_name_makes_a_message_too_long(
    name: str, kind: appointment_messages.MessageKind
) -> None:
    text = sms.compose(
        appointment_messages.SMS_TEMPLATES[kind],
        practitioner=name,
        link=LONGEST_LINK,
        day="24/11/2026",
        hour="14:30",
    )

    assert (sms.septets(text) or 0) <= sms.ONE_MESSAGE


def test_a_long_link_shortens_the_name() -> None:
    text = sms.compose(
        appointment_messages.SMS_TEMPLATES[appointment_messages.MessageKind.REMINDER],
        practitioner="Marie-Christine Exemple-Delaunay",
        link=LONGEST_LINK + "1234567890",
        day="24/11/2026",
        hour="14:30",
    )

    assert "Marie-Christine. Pour" in text
    assert (sms.septets(text) or 999) <= sms.ONE_MESSAGE


def test_a_link_that_leaves_no_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="too long"):
        sms.compose(
            appointment_messages.SMS_TEMPLATES[appointment_messages.MessageKind.REMINDER],
            practitioner="Maite Exemple",
            link="https://" + "a" * 100,
            day="24/11/2026",
            hour="14:30",
        )


def test_sms_are_off_by_default(settings: Settings) -> None:
    assert settings.SMS_GATEWAY == ""
    assert sms.gateway() is None


def send(*, is_retry: bool = False) -> None:
    gateway = sms.gateway()
    assert gateway is not None
    gateway.send(number="+33612345678", text="Rappel : RDV demain", key=KEY, is_retry=is_retry)


def test_brevo_gets_the_message_in_its_format(brevo: Brevo) -> None:
    send()

    assert [item.body for item in brevo.sms()] == [
        {
            "sender": "librdv",
            "recipient": "33612345678",
            "content": "Rappel : RDV demain",
            "type": "transactional",
            "tag": KEY.hex,
            "unicodeEnabled": False,
        }
    ]


def test_a_retry_asks_before_sending_again(brevo: Brevo) -> None:
    brevo.faults.append("answer_lost")
    with pytest.raises(sms.SmsUnavailableError):
        send()

    send(is_retry=True)

    assert len(brevo.sms()) == 1


def test_a_retry_of_a_message_that_was_not_accepted_is_sent(brevo: Brevo) -> None:
    brevo.faults.append("error_before")
    with pytest.raises(sms.SmsUnavailableError):
        send()

    send(is_retry=True)

    assert len(brevo.sms()) == 1


def test_throttling_is_not_a_refusal(brevo: Brevo) -> None:
    brevo.faults.append("throttled")

    with pytest.raises(sms.SmsUnavailableError, match="not_accepted"):
        send()


def test_a_number_brevo_refuses_is_final_and_unnamed(brevo: Brevo) -> None:
    gateway = sms.gateway()
    assert gateway is not None

    with pytest.raises(sms.SmsRefusedError) as refusal:
        gateway.send(number="+0", text="x", key=KEY, is_retry=False)

    assert str(refusal.value) == "refused"
    assert refusal.value.__cause__ is None


def test_a_wrong_api_key_is_a_temporary_error(brevo: Brevo, settings: Settings) -> None:
    settings.BREVO_API_KEY = "wrong"

    with pytest.raises(sms.SmsUnavailableError):
        send()
