"""Characters that nobody sees, addresses of the web, names and the spellings of an e-mail address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import typed_text

UNSEEN = (
    "\u200b\ufeff\u202a\u202e\u2066\u2069\u00ad\u2060\u0007\u001b\u0000\u180e\u3164\ue000\ufffe"
)
REAL_NAMES = (
    "M.Dupont",
    "J.-P. Martin",
    "Dr. Martin",
    "St.Pierre",
    "Mme.Durand",
    "O'Connor",
    "d’Arc",
    "É",
    "Jean-Noël",
    "Nguyễn Thị Minh Khai",
    "محمد علي",
    "王小明",
    "יעל",
    "Søren Kierkegaard",
    "Marie (fille)",
    "Louis 2",
    "J.P.",
    "Martin-St.Pierre",
    "A. de Broglie",
    "x" * 80,
    "María José García-Márquez y López",
    "N’Guyen",
    "M. Li",
)
ADDRESSES = (
    "https://evil.example/cadeau",
    "http://x",
    "www.evil",
    "WWW.EVIL.COM",
    "evil.example",
    "evil.com",
    "bit.ly/3x",
    "t.co",
    "x.com",
    "a@b",
    "Jean evil.fr",
    "evil\u3002com",
    "ｅｖｉｌ．com",
    "evil\u200b.com",
    "mailto:a",
    "1.2.3.4",
    "xn--e1.xn--p1ai",
    "ftp://a",
    "cadeau.shop",
)


@pytest.mark.parametrize("name", REAL_NAMES)
def test_the_names_of_people_are_names(name: str) -> None:
    assert typed_text.is_name(name)
    assert not typed_text.has_web_address(name)


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_of_the_web_is_found(text: str) -> None:
    """ "Gagnez 500e sur https://evil.example/cadeau" was accepted as a first name."""
    assert typed_text.has_web_address(text)
    assert typed_text.has_web_address(f"Gagnez 500e sur {text} vite")


@pytest.mark.parametrize(
    "text", ["", "12 bis rue des Lilas, 64200 Biarritz", "bd.Victor Hugo", "1.5 km", "Bât.B"]
)
def test_a_plain_answer_holds_none(text: str) -> None:
    assert not typed_text.has_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "Gagnez !",
        "1234",
        "",
        "06 12 34",
        "a: b",
        "un deux trois quatre cinq six sept huit neuf dix onze",
    ],
)
def test_a_sentence_or_a_number_is_no_name(text: str) -> None:
    assert not typed_text.is_name(text)


def test_what_nobody_sees_is_taken_away() -> None:
    """A copied address began with U+FEFF; a name with U+202E was shown turned round; BEL reached the .ics."""
    assert typed_text.line(UNSEEN.join(["Ma", "rie"])) == "Marie"
    assert typed_text.line(f" {UNSEEN}a\u00a0\tb\nc ") == "a b c"


def test_joiners_stay_where_they_choose_a_shape() -> None:
    assert typed_text.line("👩\u200d⚕️") == "👩\u200d⚕️"
    assert typed_text.line("می\u200cخواهم") == "می\u200cخواهم"
    assert typed_text.line("Ma\u200drie") == "Marie"


@pytest.mark.parametrize("mark", ["\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_each_line_break_of_a_program_is_one(mark: str) -> None:
    """A vertical tab of Word glued two lines together."""
    assert typed_text.paragraphs(f"une{mark}deux") == "une\ndeux"


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = typed_text.line(text)
    assert typed_text.line(once) == once
    assert not set(once) & set(UNSEEN + "\n\r\t\x0b\u2028")
    several = typed_text.paragraphs(text)
    assert typed_text.paragraphs(several) == several


@pytest.mark.parametrize(
    "typed",
    [
        "idn@xn--socit-exemple-ehbb.fr",
        "idn@société-exemple.fr",
        "IDN@Société-Exemple.FR",
        "\u200bidn@société-exemple.fr",
        "idn@société-exemple.fr\u200b",
        "idn@soci\u0065\u0301t\u0065\u0301-exemple.fr",
        " idn@société-exemple.fr.",
    ],
)
def test_an_address_is_equal_in_all_its_spellings(typed: str) -> None:
    """Booked with the domain in Unicode and asked for in Punycode, nothing was found."""
    assert typed_text.comparable_email(typed) == "idn@xn--socit-exemple-ehbb.fr"
    assert "idn@société-exemple.fr" in typed_text.email_spellings(typed)


@given(st.emails())
def test_comparing_is_stable(address: str) -> None:
    once = typed_text.comparable_email(address)
    assert typed_text.comparable_email(once) == once
    assert typed_text.comparable_email(address.upper()) == once
