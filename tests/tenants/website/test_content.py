"""The content of a website: changes, mandatory mentions by profession, professional numbers."""

import pytest

from tenants.website import professions
from tenants.website.content import (
    Content,
    Image,
    NumberedCard,
    PartChange,
    PracticeFacts,
    PresentedPerson,
)
from tenants.website.content import changes as changes_of
from tenants.website.content import missing as missing_of
from tenants.website.professions import Mention, Number
from tenants.website.questionnaire import Answers

FULL = Content(
    presentation="Bonjour",
    colour="#0a4f5c",
    photo=Image("ref", "Une porte", "", 1200, 800, 600, 400),
    people=(
        PresentedPerson("r", "Maite Exemple", "osteopathe", "Quelques mots", (("rpps", "1"),)),
    ),
)
EVERYTHING = frozenset(Mention) - {Mention.PAYMENT}


def test_a_document_is_read_as_written() -> None:
    assert Content.from_json(FULL.to_json()) == FULL


def test_a_document_of_an_older_version_is_read_too() -> None:
    assert Content.from_json({"presentation": "Bonjour"}) == Content(presentation="Bonjour")


def test_each_difference_is_reported_once() -> None:
    draft = Content(presentation="Bonsoir", access="Bus 3", people=FULL.people)

    assert changes_of(draft, FULL) == [
        PartChange("presentation", "changed"),
        PartChange("access", "added"),
        PartChange("photo", "removed"),
        PartChange("colour", "removed"),
    ]


def test_a_practitioner_without_a_presentation_is_no_change() -> None:
    assert changes_of(Content(people=(PresentedPerson("r", "Hugo Fictif"),)), None) == []


def card(profession: str, **values: str) -> NumberedCard:
    """Return a practitioner's card with numbers."""
    return NumberedCard("r", "Hugo Fictif", profession, {Number(k): v for k, v in values.items()})


def test_a_physiotherapist_needs_both_numbers_fees_and_means_of_payment() -> None:
    found = missing_of(Content(), known=PracticeFacts(), cards=[card("kine")])

    assert {mention.part for mention in found} == {
        *(mention.value for mention in Mention),
        "number",
    }
    assert sum(mention.part == "number" for mention in found) == 2


def test_a_physiotherapist_with_everything_can_publish() -> None:
    cards = [card("kine", rpps="1", order="2")]
    draft = Content(payment="Carte.")

    assert missing_of(draft, known=PracticeFacts(mentions=EVERYTHING), cards=cards) == []


@pytest.mark.parametrize("code", ["osteopathe", "sophrologue", "dieteticien", "autre", "inconnue"])
def test_other_professions_have_no_mandatory_mention(code: str) -> None:
    assert missing_of(Content(), known=PracticeFacts(), cards=[card(code)]) == []


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Kinésithérapeutes", "kine"),
        ("Masseuse-kinésithérapeute", "kine"),
        ("Ostéopathe D.O.", "osteopathe"),
        ("Diététicienne", "dieteticien"),
        ("MÉDECIN GÉNÉRALISTE", "medecin"),
        ("Sages-femmes", "sage_femme"),
        ("Nutritionniste", "autre"),
        ("Coach", "autre"),
        ("", "autre"),
    ],
)
def test_a_title_determines_the_profession(title: str, code: str) -> None:
    assert professions.guess(title) == code


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (Number.RPPS, "1000 517 3140", "10005173140"),
        (Number.ADELI, "2a 00 00 12 3", "2A0000123"),
        (Number.ADELI, "64\u00a000\u00a0012\u00a034", "640001234"),
        (Number.ORDER, "64/1234", "64/1234"),
        (Number.RPPS, "", ""),
    ],
)
def test_numbers_are_read_with_blanks(kind: Number, typed: str, value: str) -> None:
    assert professions.read_number(kind, typed) == value


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (Number.RPPS, "1000517314"),
        (Number.RPPS, "1000517314a"),
        (Number.ADELI, "20A000123"),
        (Number.ORDER, "<b>1</b>"),
    ],
)
def test_an_invalid_number_is_refused(kind: Number, typed: str) -> None:
    with pytest.raises(ValueError, match=kind.value):
        professions.read_number(kind, typed)


def test_the_check_digit_of_an_rpps_is_verified() -> None:
    assert professions.has_valid_key("10005173140")
    assert not professions.has_valid_key("10101201234")


def test_answers_become_sentences() -> None:
    answers = Answers(
        receives=("children", "adults"),
        transport="Bus 3, arrêt Église",
        payments=("card", "cash"),
        third_party=True,
        closing="trois semaines en août",
    )

    texts = answers.texts()

    assert texts["presentation"] == "Le cabinet reçoit les adultes et les enfants."
    assert texts["access"] == "Bus 3, arrêt Église."
    assert texts["payment"].startswith("Paiement accepté\u00a0: carte bancaire et espèces.")
    assert texts["practical"] == "Fermeture\u00a0: trois semaines en août."
    assert texts["prices"] == ""
    assert Answers.from_json(answers.to_json()) == answers


def test_generated_texts_fit_the_limits() -> None:
    from tenants.website.content import TEXT_LENGTHS
    from tenants.website.questionnaire import ARRIVAL, PAYMENTS, RECEIVES

    longest = Answers(
        receives=tuple(RECEIVES),
        arrival=tuple(ARRIVAL),
        payments=tuple(PAYMENTS),
        languages="x" * 120,
        transport="x" * 160,
        prices="x" * 400,
        to_bring="x" * 200,
        closing="x" * 120,
        third_party=True,
        refund="mutual",
    )

    assert all(len(text) <= TEXT_LENGTHS[part] for part, text in longest.texts().items())
