import datetime as dt
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import pytest
from pytest_django import Settings

from booking.formats import sms
from booking.messages import appointment_messages
from booking.messages.appointment_messages import (
    TO_PRACTITIONER,
    MessageChannel,
    MessageKind,
    MessageVisit,
    Recipient,
)
from booking.rules.erasure import Moment
from tenants.email_transport import Mail
from tenants.website.colours import brand

KEY = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
NOW = dt.datetime(2026, 11, 10, 8, 0, tzinfo=dt.UTC)
EVE = dt.datetime(2026, 11, 23, 17, 0, tzinfo=dt.UTC)
BASE = "https://maite-exemple.lib-rdv.example"
TEMPLATES = Path(__file__).parents[3] / "templates" / "emails"
TO_PATIENT = [kind for kind in MessageKind if kind not in TO_PRACTITIONER]

# Words that messages must not use (B-40, ui.md section 7).
COMMERCIAL = re.compile(
    r"promo|offre|réduction|remise|profitez|gratuit|parrain|newsletter|lettre d'information|"
    r"votre avis|satisfaction|enquête|notez-nous|avis google|suivez-nous|facebook|instagram|"
    r"découvrez|partenaire|publicitaire|boutique",
    re.IGNORECASE,
)
UNWANTED = re.compile(
    r"\boups\b|malheureusement|utilisateur|\bslot\b|valider|cliquez ici|données personnelles|"
    r"reprogrammer|!",
    re.IGNORECASE,
)
PROFESSIONS = re.compile(
    r"ostéo|kiné|diét|psych|sophro|médec|dentis|infirm|podolog|orthopho|consultation|séance|suivi",
    re.IGNORECASE,
)


def visit(**changes: Any) -> MessageVisit:
    facts: dict[str, Any] = {
        "ref": UUID("6f1d0f3e-95a5-4b8e-8f0e-3a1c2b4d5e6f"),
        "sequence": 1,
        "starts_at": dt.datetime(2026, 11, 24, 13, 30, tzinfo=dt.UTC),
        "ends_at": dt.datetime(2026, 11, 24, 14, 15, tzinfo=dt.UTC),
        "zone": ZoneInfo("Europe/Paris"),
        "practitioner": "Maite Exemple",
        "base_url": BASE,
        "manage_url": f"{BASE}/r/{'m' * 43}/",
        "short_url": f"{BASE}/r/{'s' * 22}",
        "place": ("12 rue de la Falaise", "64210 Bidart"),
        "town": "Bidart",
        "practice_phone": "+33536490012",
        "practice_email": "cabinet@maite-exemple.example",
        "spoken_ref": "7KM-2PD",
        "limit_at": dt.datetime(2027, 11, 2, 8, 0, tzinfo=dt.UTC),
        "reminder_at": EVE,
        "previous_starts_at": dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC),
        "late_min": 10,
    }
    return MessageVisit(**{**facts, **changes})


CAMILLE = Recipient(first_name="Camille", email="camille@patient.example", phone="+33612345678")


def mail(
    kind: MessageKind, *, to: Recipient = CAMILLE, now: dt.datetime = NOW, **changes: Any
) -> EmailMessage:
    """Return the e-mail as the relay receives it."""
    subject = visit(**changes)
    made = appointment_messages.render_mail(
        kind, visit=subject, recipient=to, key=KEY, now=now, visits=[subject]
    )
    return parsed(made)


def parsed(made: Mail) -> EmailMessage:
    read = message_from_bytes(made.message().as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(read: EmailMessage, kind: str) -> str:
    body = read.get_body((kind,))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


def words(text: str) -> str:
    """Return the text without tags, with one ordinary space between words."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "href" and value is not None:
                self.hrefs.append(value)


def test_every_kind_has_its_three_templates_and_no_other_stands_beside() -> None:
    expected = {
        f"{kind.value}.{end}" for kind in MessageKind for end in ("subject.txt", "txt", "html")
    }

    assert expected <= {path.name for path in TEMPLATES.iterdir()}


def test_the_confirmation_says_what_the_page_said() -> None:
    read = mail(MessageKind.CONFIRMATION)

    assert words(read["subject"]) == "Votre rendez-vous du mardi 24 novembre à 14 h 30"
    for body in (words(part(read, "plain")), words(part(read, "html"))):
        assert "Bonjour Camille," in body
        assert "Votre rendez-vous avec Maite Exemple est confirmé." in body
        assert "12 rue de la Falaise" in body
        assert "Un rappel vous sera envoyé la veille." in body
        assert "05 36 49 00 12" in body
        assert "gardées chiffrées jusqu'à la fin du rendez-vous, puis effacées" in body.replace(
            "&#x27;", "'"
        )
        assert "Au plus tard le 2 novembre 2027." in body


def test_a_reminder_that_will_not_leave_is_not_announced() -> None:
    read = mail(MessageKind.CONFIRMATION, reminder_at=None)

    assert "rappel vous sera" not in part(read, "plain")
    assert "rappel vous sera" not in part(read, "html")


def test_what_is_erased_with_the_reminder_says_so() -> None:
    after = Moment.AFTER_REMINDER
    confirmation = part(mail(MessageKind.CONFIRMATION, moment=after), "plain")
    reminder = part(mail(MessageKind.REMINDER, now=EVE, moment=after), "plain")

    assert "jusqu'au rappel du lundi 23 novembre à 18 h" in words(confirmation)
    assert "Après ce message, vos coordonnées sont effacées" in words(reminder)


@pytest.mark.parametrize("kind", [MessageKind.CONFIRMATION, MessageKind.REMINDER])
@pytest.mark.parametrize("which", ["plain", "html"])
def test_what_may_stay_a_day_longer_says_so(kind: MessageKind, which: str) -> None:
    text = words(part(mail(kind, now=EVE, moment=Moment.WITHIN_A_DAY), which))

    assert "dans les 24 heures qui suivent" in text
    assert "à la fin du rendez-vous" not in text
    assert "jusqu'à la fin" not in text


def test_the_reminder_speaks_of_tomorrow_beside_the_date() -> None:
    read = mail(MessageKind.REMINDER, now=EVE)

    assert words(read["subject"]) == "Rappel : votre rendez-vous de demain à 14 h 30"
    assert "mardi 24 novembre à 14 h 30" in words(part(read, "plain"))


def test_tomorrow_is_counted_where_the_place_is() -> None:
    # 18:00 on the 23rd in Tahiti is already the 24th in UTC.
    read = mail(
        MessageKind.REMINDER,
        zone=ZoneInfo("Pacific/Tahiti"),
        starts_at=dt.datetime(2026, 11, 24, 20, 0, tzinfo=dt.UTC),
        ends_at=dt.datetime(2026, 11, 24, 20, 30, tzinfo=dt.UTC),
        now=dt.datetime(2026, 11, 24, 4, 0, tzinfo=dt.UTC),
    )

    assert words(read["subject"]) == "Rappel : votre rendez-vous de demain à 10 h"
    assert "à 10 h (heure de Tahiti)" in words(part(read, "plain"))
    assert "(heure de Tahiti)" in words(part(read, "html"))


def test_a_reminder_that_is_not_of_the_day_before_says_the_date() -> None:
    read = mail(MessageKind.REMINDER, now=NOW)

    assert words(read["subject"]) == "Rappel : votre rendez-vous du mardi 24 novembre à 14 h 30"


def test_the_message_has_the_limit_of_the_type_and_the_number_to_call() -> None:
    until = dt.datetime(2026, 11, 23, 13, 30, tzinfo=dt.UTC)
    body = words(part(mail(MessageKind.REMINDER, now=EVE, changes_until=until), "plain"))

    assert (
        "Vous pouvez déplacer ou annuler jusqu'au lundi 23 novembre à 14 h 30 ; "
        "ensuite, appelez le 05 36 49 00 12." in body
    )


def test_a_move_names_the_hour_that_was_left() -> None:
    read = mail(MessageKind.MOVED)

    assert "déplacé au mardi 24 novembre à 14 h 30" in words(read["subject"])
    assert "L'ancien horaire (vendredi 20 novembre à 9 h) est annulé." in words(part(read, "plain"))


def test_a_new_length_is_not_announced_as_a_move() -> None:
    read = mail(
        MessageKind.MOVED, previous_starts_at=dt.datetime(2026, 11, 24, 13, 30, tzinfo=dt.UTC)
    )

    text = words(part(read, "plain"))
    assert "Votre rendez-vous du mardi 24 novembre à 14 h 30 a changé" in words(read["subject"])
    assert "L'heure de début reste la même, la fin est à 15 h 15." in text
    assert "L'ancien horaire" not in text
    assert "la fin est à 15 h 15" in words(part(read, "html"))


def test_a_replacement_is_named_in_every_message_before_the_visit() -> None:
    for kind in (MessageKind.CONFIRMATION, MessageKind.REMINDER, MessageKind.MOVED):
        read = mail(kind, substitute="Jean Remplaçant")
        sentence = "Vous serez reçu(e) par Jean Remplaçant, qui remplace Maite Exemple."
        assert sentence in words(part(read, "plain"))
        assert sentence in words(part(read, "html"))


def test_a_visit_for_a_relative_names_them_by_first_name_only() -> None:
    camille = Recipient(first_name="Camille", email="camille@patient.example", relative="Léo")

    assert "Votre rendez-vous pour Léo avec Maite Exemple est confirmé." in words(
        part(mail(MessageKind.CONFIRMATION, to=camille), "plain")
    )


def test_the_message_to_the_old_address_has_neither_the_new_one_nor_the_link() -> None:
    old = Recipient(first_name="Camille", email="old@patient.example")
    read = mail(MessageKind.CONTACT_CORRECTED, to=old)

    everything = read.as_string() + part(read, "plain") + part(read, "html")
    assert read["to"] == "old@patient.example"
    assert "m" * 43 not in everything
    assert "s" * 22 not in everything
    assert "Camille" not in everything
    assert not list(read.iter_attachments())


def test_the_message_about_a_late_person_has_no_name() -> None:
    practitioner = Recipient(first_name="Camille", email="pro@cabinet.example")
    read = mail(MessageKind.LATE, to=practitioner, late_min=10)

    everything = read.as_string() + part(read, "plain") + part(read, "html")
    assert "environ 10 minutes de retard" in words(part(read, "plain"))
    assert "Camille" not in everything
    assert "m" * 43 not in everything


def test_a_freed_slot_says_nothing_of_the_person() -> None:
    read = mail(
        MessageKind.SLOT_FREED, to=Recipient(first_name="Camille", email="pro@cabinet.example")
    )

    everything = read.as_string() + part(read, "plain") + part(read, "html")
    assert words(read["subject"]) == "Créneau libéré le mardi 24 novembre à 14 h 30"
    assert "7KM-2PD" in everything
    assert "Camille" not in everything
    assert "m" * 43 not in everything


def test_lost_links_are_listed_each_with_its_own() -> None:
    other = visit(
        manage_url=f"{BASE}/r/{'o' * 43}/",
        starts_at=dt.datetime(2027, 1, 4, 8, 0, tzinfo=dt.UTC),
    )
    made = appointment_messages.render_mail(
        MessageKind.MANAGE_LINKS,
        visit=visit(),
        recipient=CAMILLE,
        key=KEY,
        now=NOW,
        visits=[visit(), other],
    )

    for body in (part(parsed(made), "plain"), part(parsed(made), "html")):
        assert "m" * 43 in body
        assert "o" * 43 in body
        assert "lundi 4 janvier 2027 à 9 h" in words(body)


@pytest.mark.parametrize("kind", list(MessageKind))
def test_subject_and_sender_name_neither_appointment_type_nor_profession(kind: MessageKind) -> None:
    read = mail(kind)

    assert not PROFESSIONS.search(f"{read['subject']} {read['from']}")
    assert "Camille" not in read["subject"]


@pytest.mark.parametrize("kind", TO_PATIENT)
def test_the_sender_is_the_practitioner_and_the_answer_goes_to_the_practice(
    kind: MessageKind,
) -> None:
    read = mail(kind)

    assert read["from"].addresses[0].display_name == "Maite Exemple"
    assert read["reply-to"].addresses[0].addr_spec == "cabinet@maite-exemple.example"


@pytest.mark.parametrize("kind", TO_PATIENT)
def test_every_mail_to_a_person_has_the_footer_of_t2(kind: MessageKind) -> None:
    read = mail(kind)

    for body in (part(read, "plain"), part(read, "html")):
        foot = words(body)
        assert (
            "Ce message vous est envoyé par lib-rdv pour le compte de Maite Exemple, à la suite de "
            "votre prise de rendez-vous. Il ne contient ni publicité ni traceur." in foot
        )


@pytest.mark.parametrize("kind", TO_PATIENT)
def test_each_link_of_the_footer_leads_where_its_label_says(kind: MessageKind) -> None:
    """A cancelled appointment offers no reminder to stop, and three labels do not lead to one page."""
    manage, rights = f"{BASE}/r/{'m' * 43}/", f"{BASE}/mes-donnees/"
    footer = [
        ("Gérer mon rendez-vous", manage),
        ("Ne plus recevoir de rappel", f"{manage}sans-rappel/"),
        ("Supprimer mes données", f"{manage}#effacer"),
    ]
    footer_after = [("Voir ce rendez-vous", manage), ("Mes données", rights)]
    expected = {
        MessageKind.CANCELLED_BY_PATIENT: footer_after,
        MessageKind.CANCELLED_BY_PRACTITIONER: footer_after,
        MessageKind.CONTACT_CORRECTED: footer_after[1:],
    }.get(kind, footer)
    read = mail(kind)

    foot = part(read, "plain").partition("traceur.")[2]
    labels = [line.split("\xa0: ") for line in foot.splitlines() if line]
    hrefs = re.findall(
        r'href="([^"]+)"[^>]*>([^<]+)</a>', part(read, "html").partition("traceur.")[2]
    )

    assert [tuple(pair) for pair in labels] == expected
    assert [(label, url) for url, label in hrefs] == expected


@pytest.mark.parametrize("kind", list(MessageKind))
def test_links_lead_to_the_practice_and_nowhere_else(kind: MessageKind) -> None:
    read = mail(kind)

    in_html = Links(part(read, "html")).hrefs
    in_text = re.findall(r"https?://\S+", part(read, "plain"))
    elsewhere = [
        link
        for link in in_html + in_text
        if not link.startswith("tel:+") and urlsplit(link).netloc != urlsplit(BASE).netloc
    ]
    assert elsewhere == []


@pytest.mark.parametrize("kind", list(MessageKind))
def test_nothing_is_fetched_when_a_mail_is_opened(kind: MessageKind) -> None:
    html = part(mail(kind), "html")
    page = Links(html)

    assert page.tags.isdisjoint(
        {"img", "link", "script", "iframe", "object", "video", "audio", "form", "input", "base"}
    )
    assert page.attributes.isdisjoint({"src", "srcset", "background", "onload", "onclick"})
    assert "url(" not in html
    assert "@import" not in html
    assert "@font-face" not in html


@pytest.mark.parametrize("kind", list(MessageKind))
def test_no_message_sells_anything_or_uses_words_we_do_not(kind: MessageKind) -> None:
    read = mail(kind)
    text = f"{read['subject']} {words(part(read, 'plain'))} {words(part(read, 'html'))}"
    text = text.replace("publicité", "")

    assert not COMMERCIAL.search(text)
    assert not UNWANTED.search(text)


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_no_break_character_stands_before_two_part_punctuation(kind: MessageKind) -> None:
    read = mail(kind)
    html = re.sub(r"<style>.*?</style>|<[^>]+>", "", part(read, "html"), flags=re.DOTALL)

    for text in (read["subject"], part(read, "plain"), html):
        assert not re.search(r"\w [:;?!](\s|$)", text)


@pytest.mark.parametrize("kind", list(MessageKind))
def test_both_parts_say_the_same_hour(kind: MessageKind) -> None:
    read = mail(kind)

    assert [part.get_content_type() for part in read.walk()][:4] in (
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"],
        ["multipart/alternative", "text/plain", "text/html"],
    )
    assert "14\xa0h\xa030" in part(read, "plain")
    assert "14\xa0h\xa030" in part(read, "html")


@pytest.mark.parametrize("kind", list(MessageKind))
def test_headers_make_a_retry_recognisable_and_no_list_of_it(
    kind: MessageKind, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL = "rendez-vous@lib-rdv.example"
    read = mail(kind)

    assert read["message-id"] == f"<{KEY.hex}@lib-rdv.example>"
    assert read["auto-submitted"] == "auto-generated"
    assert not [
        name for name in read if name.lower().startswith(("list-", "x-mailin", "precedence"))
    ]
    assert "disposition-notification-to" not in {name.lower() for name in read}


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_name_is_text_wherever_it_stands(kind: MessageKind) -> None:
    hostile = Recipient(
        first_name='<img src=x onerror="a">', email="x@patient.example", relative="<b>"
    )
    read = mail(
        kind,
        to=hostile,
        practitioner='Ex<script>\r\nBcc: evil@x.example "',
        place=("<i>1 rue</i>",),
        town="<u>Bidart</u>",
        substitute="<s>Jean</s>",
    )

    assert Links(part(read, "html")).tags.isdisjoint({"img", "script", "b", "i", "u", "s"})
    assert read["bcc"] is None


def test_a_very_long_name_does_not_break_the_mail() -> None:
    camille = Recipient(first_name="é" * 80, email="camille@patient.example", relative="ï" * 80)

    assert "é" * 80 in part(mail(MessageKind.CONFIRMATION, to=camille), "plain")


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (MessageKind.CONFIRMATION, "PUBLISH"),
        (MessageKind.MOVED, "PUBLISH"),
        (MessageKind.CANCELLED_BY_PATIENT, "CANCEL"),
        (MessageKind.CANCELLED_BY_PRACTITIONER, "CANCEL"),
    ],
)
def test_messages_that_change_the_agenda_have_the_calendar_file(
    kind: MessageKind, method: str
) -> None:
    attached = list(mail(kind).iter_attachments())

    assert [item.get_filename() for item in attached] == ["rendez-vous.ics"]
    assert attached[0].get_content_type() == "text/calendar"
    assert attached[0].get_param("method") == method
    payload = attached[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    calendar = icalendar.Calendar.from_ical(payload)
    assert calendar["method"] == method
    assert calendar.walk("VEVENT")[0]["summary"] == "Rendez-vous avec Maite Exemple"


PRACTICAL: dict[str, Any] = {
    "access_text": "Au rez-de-chaussée.\nSonnette du milieu, une marche.",
    "instructions": "Apportez vos examens.",
}
BEFORE = (MessageKind.CONFIRMATION, MessageKind.REMINDER, MessageKind.MOVED)


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("which", ["plain", "html"])
def test_a_message_before_the_visit_says_what_one_needs_on_the_day(
    kind: MessageKind, which: str
) -> None:
    body = words(part(mail(kind, **PRACTICAL), which))

    for phrase in (
        "Durée : 45 min",
        "12 rue de la Falaise",
        "Accès : Au rez-de-chaussée. Sonnette du milieu, une marche.",
        "À prévoir : Apportez vos examens.",
    ):
        assert phrase in body


@pytest.mark.parametrize("kind", set(TO_PATIENT) - set(BEFORE))
def test_a_message_about_no_coming_visit_leaves_out_what_to_bring(kind: MessageKind) -> None:
    everything = mail(kind, **PRACTICAL, video_url="https://visio.example/salle").as_string()

    assert "Apportez" not in everything
    assert "Sonnette" not in everything
    assert "visio.example" not in everything


@pytest.mark.parametrize("kind", BEFORE)
def test_the_link_of_a_video_place_is_in_both_bodies(kind: MessageKind) -> None:
    link = "https://visio.example/salle?a=1&b=2"
    read = mail(kind, video_url=link, place=("En visio",))

    assert link in part(read, "plain")
    assert link in Links(part(read, "html")).hrefs


def test_the_calendar_file_says_what_to_bring_and_reminds() -> None:
    read = mail(
        MessageKind.CONFIRMATION, **PRACTICAL, video_url="https://visio.example/salle?a=1;b"
    )
    payload = next(iter(read.iter_attachments())).get_payload(decode=True)
    assert isinstance(payload, bytes)

    event: Any = icalendar.Calendar.from_ical(payload).walk("VEVENT")[0]
    alarms = event.walk("VALARM")

    assert str(event["description"]).splitlines() == [
        "Rejoindre la visio\xa0: https://visio.example/salle?a=1;b",
        "Accès\xa0: Au rez-de-chaussée.",
        "Sonnette du milieu, une marche.",
        "À prévoir\xa0: Apportez vos examens.",
        "Téléphone du cabinet\xa0: 05\xa036\xa049\xa000\xa012",
        f"Votre rendez-vous en ligne\xa0: {BASE}/r/{'m' * 43}/",
    ]
    assert [alarm["trigger"].dt for alarm in alarms] == [
        dt.timedelta(days=-1),
        dt.timedelta(hours=-2),
    ]
    assert {str(alarm["action"]) for alarm in alarms} == {"DISPLAY"}


def test_the_file_of_a_cancelled_visit_has_neither_description_nor_alarm() -> None:
    read = mail(MessageKind.CANCELLED_BY_PATIENT, **PRACTICAL)
    payload = next(iter(read.iter_attachments())).get_payload(decode=True)

    assert isinstance(payload, bytes)
    assert b"DESCRIPTION" not in payload
    assert b"VALARM" not in payload


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("which", ["plain", "html"])
def test_after_the_limit_no_message_promises_to_move_or_cancel_online(
    kind: MessageKind, which: str
) -> None:
    body = words(part(mail(kind, can_change=False, changes_until=EVE), which))
    on_time = words(part(mail(kind, changes_until=EVE), which))

    assert "trop proche pour être déplacé ou annulé en ligne" in body
    assert "appelez le 05 36 49 00 12" in body
    for promise in ("Prévenez dès que possible", "Vous pouvez déplacer", "Libérer le créneau"):
        assert promise not in body
    assert "jusqu'au lundi 23 novembre à 18 h" in on_time
    assert "trop proche" not in on_time


def test_after_the_limit_a_practice_without_phone_is_answered_by_mail() -> None:
    body = words(part(mail(MessageKind.REMINDER, can_change=False, practice_phone=""), "plain"))

    assert "répondez à ce message" in body


@pytest.mark.parametrize("kind", list(appointment_messages.SMS_TEMPLATES_AFTER_LIMIT))
def test_after_the_limit_no_sms_promises_to_cancel(kind: MessageKind) -> None:
    text = appointment_messages.render_sms(kind, visit=visit(can_change=False))

    assert "annuler" not in text
    assert "Gérer" not in text
    assert "Le voir" in text
    assert (sms.septets(text) or 999) <= sms.ONE_MESSAGE


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_subject_begins_on_the_line_of_its_name(kind: MessageKind) -> None:
    made = appointment_messages.render_mail(
        kind, visit=visit(), recipient=CAMILLE, key=KEY, now=NOW, visits=[visit()]
    )

    (line,) = re.findall(rb"^Subject:.*$", made.message().as_bytes(), flags=re.MULTILINE)
    assert len(line) > len(b"Subject: ")
    assert len(line) <= 78
    assert parsed(made)["subject"] == made.subject


def test_a_mail_has_the_colour_of_the_practice() -> None:
    ours = part(mail(MessageKind.CONFIRMATION), "html")
    theirs = part(mail(MessageKind.CONFIRMATION, colour="#aa3355"), "html")
    shades = brand("#aa3355")

    assert "#0a4f5c" in ours
    assert "#0a4f5c" not in theirs
    assert "#8ccbd3" not in theirs
    assert theirs.count(shades.light.accent) > 3
    assert shades.dark.accent in theirs


def test_the_reminder_has_no_calendar_file() -> None:
    assert not list(mail(MessageKind.REMINDER, now=EVE).iter_attachments())


@pytest.mark.parametrize(
    ("recipient", "sms_enabled", "channel"),
    [
        (CAMILLE, True, MessageChannel.EMAIL),
        (Recipient(phone="+33612345678"), True, MessageChannel.SMS),
        (Recipient(phone="+262692123456"), True, MessageChannel.SMS),
        (Recipient(phone="+33612345678"), False, MessageChannel.NONE),
        (Recipient(phone="+33536490012"), True, MessageChannel.NONE),
        (Recipient(phone="+41791234567"), True, MessageChannel.NONE),
        (Recipient(), True, MessageChannel.NONE),
    ],
)
def test_the_channel_is_mail_else_sms_to_a_mobile(
    recipient: Recipient, sms_enabled: bool, channel: MessageChannel, settings: Settings
) -> None:
    settings.SMS_GATEWAY = "brevo"

    assert appointment_messages.choose_channel(recipient, sms_enabled=sms_enabled) is channel


def test_without_a_gateway_no_sms_is_sent(settings: Settings) -> None:
    settings.SMS_GATEWAY = ""
    recipient = Recipient(phone="+33612345678")

    assert appointment_messages.choose_channel(recipient, sms_enabled=True) is MessageChannel.NONE


@pytest.mark.parametrize("kind", list(appointment_messages.SMS_TEMPLATES))
def test_an_sms_says_when_with_whom_and_where_to_change_it(kind: MessageKind) -> None:
    text = appointment_messages.render_sms(kind, visit=visit(practitioner="Benoît Exemple"))

    assert "24/11/2026" in text
    assert "14:30" in text
    assert "Benoit Exemple" in text
    assert not PROFESSIONS.search(text)
    assert ("s" * 22 in text) is (
        kind
        not in {
            MessageKind.CANCELLED_BY_PATIENT,
            MessageKind.CANCELLED_BY_PRACTITIONER,
            MessageKind.CONTACT_CORRECTED,
        }
    )


ALL_TEMPLATES = sorted(path.name for path in TEMPLATES.iterdir())


@pytest.mark.parametrize("name", ALL_TEMPLATES)
def test_no_template_of_a_mail_fetches_tracks_or_sells(name: str) -> None:
    source = (TEMPLATES / name).read_text("utf-8")
    text = re.sub(r"<style>.*?</style>|<[^>]+>|\{%-?|%\}", " ", source, flags=re.DOTALL)

    assert not re.search(r"<(img|link|script|iframe|object|form|base)\b|url\(|@import|src=", source)
    assert not re.search(r"https?://", source)
    assert not COMMERCIAL.search(text.replace("publicité", ""))
    assert not PROFESSIONS.search(text)


@pytest.mark.parametrize("name", [name for name in ALL_TEMPLATES if name.endswith(".subject.txt")])
def test_every_mail_has_its_text_and_its_layout(name: str) -> None:
    stem = name.removesuffix(".subject.txt")

    assert {f"{stem}.txt", f"{stem}.html"} <= set(ALL_TEMPLATES)


# --- Texts that a practice adds ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(appointment_messages.SMS_TEMPLATES))
def test_the_text_of_the_practice_is_in_both_bodies_and_not_in_the_subject(
    kind: MessageKind,
) -> None:
    added = "Bonjour {prenom}, le {date} à {heure} avec {praticien}.\n\nAu {lieu}."
    made = appointment_messages.render_mail(
        kind, visit=visit(), recipient=CAMILLE, key=KEY, now=NOW, visits=[visit()], added=added
    )
    text = "Bonjour Camille, le mardi 24 novembre à 14 h 30 avec Maite Exemple. Au 12 rue"

    read = parsed(made)

    assert text in words(part(read, "plain"))
    assert text in words(part(read, "html"))
    assert "Bonjour" not in read["subject"]
    assert "{" not in words(part(read, "plain"))


def test_what_is_typed_as_markup_is_read_as_text() -> None:
    added = "<script>x</script> {prenom} & <a href='https://mal.example'>ici</a>"
    made = appointment_messages.render_mail(
        MessageKind.CONFIRMATION,
        visit=visit(),
        recipient=Recipient(first_name="<i>Lou</i>", email="lou@patient.example"),
        key=KEY,
        now=NOW,
        added=added,
    )

    read = parsed(made)

    assert "script" not in Links(part(read, "html")).tags
    assert "https://mal.example" not in Links(part(read, "html")).hrefs
    assert "&lt;script&gt;" in part(read, "html")
    assert "<script>x</script> <i>Lou</i> &" in part(read, "plain")


def test_without_an_added_text_the_mail_is_unchanged() -> None:
    plain = appointment_messages.render_mail(
        MessageKind.REMINDER, visit=visit(), recipient=CAMILLE, key=KEY, now=EVE, added=""
    )

    assert part(parsed(plain), "plain") == part(mail(MessageKind.REMINDER, now=EVE), "plain")


def test_the_sms_has_an_added_text_that_fits_and_leaves_out_a_longer_one() -> None:
    ours = appointment_messages.render_sms(MessageKind.CONFIRMATION, visit=visit())

    short = appointment_messages.render_sms(
        MessageKind.CONFIRMATION, visit=visit(), added="{prenom}, sonnez", first_name="Zoé{link}"
    )
    long = appointment_messages.render_sms(
        MessageKind.CONFIRMATION, visit=visit(), added="Sonnez. " * 12
    )

    assert short.endswith(" Zoélink, sonnez")
    assert (sms.septets(short) or 999) <= 160
    assert long == ours


@pytest.mark.parametrize("kind", list(appointment_messages.SMS_TEMPLATES))
def test_a_text_within_sms_size_is_sent(kind: MessageKind) -> None:
    size = appointment_messages.sms_size(kind, visit=visit(), added="Ok {heure}", first_name="")
    sent = appointment_messages.render_sms(kind, visit=visit(), added="Ok {heure}")

    assert size <= 160
    assert sent.endswith("Ok 14 h 30")
