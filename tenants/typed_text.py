"""Text as people type and paste it: characters that nobody sees, line breaks, addresses of the web, names.

Pure: no Django. Every function takes time linear in the length of the text; form fields refuse a text that is
too long before they call one (``tenants/form_fields.py``).
"""

import re
import unicodedata

LINE_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
"""What programs write for the end of a line; Word and PowerPoint write a vertical tab within a paragraph."""

_REMOVED = {"Cc", "Cf", "Cs", "Co"}
"""Control and format characters (zero width, soft hyphen, direction marks), half characters, private use."""
_BLANK_SIGNS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that fonts draw as nothing: a name of these would look empty."""
_JOINERS = frozenset("\u200c\u200d")
"""Between two letters or signs they choose their shape (Persian, emoji): nothing is hidden by them there."""
_BLANK_RUN = re.compile(r"[^\S\n\u00a0\u202f]+")


def visible(text: str) -> str:
    """Return the text in NFC without characters that are not seen or that turn the order of others.

    Every kind of line break becomes ``\\n``, a tab a space. A joiner stays between two characters that are seen.
    """
    text = unicodedata.normalize("NFC", LINE_BREAKS.sub("\n", text).replace("\t", " "))
    kept: list[str] = []
    joiner = ""
    for character in text:
        if character in _JOINERS:
            joiner = character if kept and _joins(kept[-1]) else ""
            continue
        if character != "\n" and _is_unseen(character):
            continue
        if joiner and _joins(character):
            kept.append(joiner)
        joiner = ""
        kept.append(character)
    return "".join(kept)


def _is_unseen(character: str) -> bool:
    return (
        unicodedata.category(character) in _REMOVED
        or character in _BLANK_SIGNS
        or ord(character) & 0xFFFE == 0xFFFE
    )


def _joins(character: str) -> bool:
    """Return whether a joiner has a meaning beside this character: it is no letter of a Latin word or address."""
    return ord(character) > 0x5FF and not character.isspace()


def line(text: str) -> str:
    """Return a text of one line: line breaks and runs of blanks, no-break ones too, are one space."""
    return " ".join(visible(text).split())


def paragraphs(text: str) -> str:
    """Return a text of several lines: line breaks stay, the blanks at both ends of a line go."""
    lines = (_BLANK_RUN.sub(" ", each).strip() for each in visible(text).split("\n"))
    return "\n".join(lines).strip()


# --- Addresses of the web ------------------------------------------------------------------------------
_SCHEME = re.compile(r"(?i)(?<![a-z0-9])[a-z][a-z0-9+]{1,11}:/|(?<![a-z0-9])(?:mailto|tel|sms):")
_WWW = re.compile(r"(?i)(?<![a-z0-9])www[0-9]?\.")
_TOKEN = re.compile(r"[\w.-]+")
_DOTS = str.maketrans("\u3002\uff0e\uff61\u2024\uff20\ufe6b", "....@@")
_BEFORE_A_DOT = frozenset(
    [
        "adj",
        "al",
        "allee",
        "asso",
        "av",
        "ave",
        "bat",
        "bd",
        "ben",
        "bis",
        "bld",
        "boul",
        "br",
        "ch",
        "chap",
        "chr",
        "col",
        "cpt",
        "dr",
        "dre",
        "dres",
        "drs",
        "ed",
        "ep",
        "fr",
        "gal",
        "gr",
        "imm",
        "jr",
        "lieu",
        "lt",
        "mae",
        "maj",
        "me",
        "mgr",
        "ml",
        "mle",
        "mlle",
        "mlles",
        "mm",
        "mme",
        "mmes",
        "mr",
        "mrs",
        "ms",
        "ne",
        "nee",
        "no",
        "ph",
        "pl",
        "pr",
        "pre",
        "prof",
        "pt",
        "rch",
        "res",
        "rte",
        "sgt",
        "sr",
        "st",
        "ste",
        "sts",
        "tel",
        "ter",
        "th",
        "vve",
        "wm",
    ]
)
"""Abbreviations after which people forget the space: "M.Dupont", "St.Pierre", "bd.Victor"."""
_SHORT_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "fr",
        "io",
        "co",
        "info",
        "biz",
        "app",
        "dev",
        "link",
        "xyz",
        "top",
        "site",
        "shop",
        "online",
        "club",
        "ru",
        "cn",
        "gg",
        "ly",
        "gl",
        "cc",
        "tv",
        "gd",
    ]
)
"""Endings that make an address of one letter or an abbreviation before the dot: "t.co", "x.com"."""


def has_web_address(text: str) -> bool:
    """Return whether a mail program could make a link of a part of the text, or the text names a mailbox.

    A scheme, ``www.``, an ``@`` between two characters, an IPv4 address, or two words joined by a full stop; after
    an initial or a usual abbreviation ("M.Dupont", "J.-P.") the full stop is one of a name.
    """
    text = unicodedata.normalize("NFKC", visible(text).translate(_DOTS))
    if _SCHEME.search(text) or _WWW.search(text) or _has_mailbox(text):
        return True
    return any(_is_domain(token) for token in _TOKEN.findall(text) if "." in token)


def _has_mailbox(text: str) -> bool:
    before, at, after = text.partition("@")
    return bool(at and before.strip() and after.strip())


def _is_domain(token: str) -> bool:
    labels = token.strip(".-_").casefold().split(".")
    if len(labels) < 2 or "" in labels:
        return False
    if len(labels) == 4 and all(label.isdigit() and len(label) < 4 for label in labels):
        return True
    last, before = labels[-1], labels[-2].rpartition("-")[2]
    if len(last) < 2 or not (last.isalpha() or last.startswith("xn--")):
        return False
    if len(before) == 1 or _unaccented(before) in _BEFORE_A_DOT:
        return last in _SHORT_ENDINGS
    return not before.isdigit() or last in _SHORT_ENDINGS


def _unaccented(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word)
    return "".join(each for each in folded if not unicodedata.combining(each))


# --- Names ---------------------------------------------------------------------------------------------
MOST_WORDS = 10
MOST_DIGITS = 3
_NOT_IN_NAMES = frozenset('!?:;=<>{}[]|\\%$€£#*+_~^"')
GREETED_LENGTH, GREETED_WORDS = 40, 4


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a person: letters of any script, ten words, three digits at most.

    The apostrophes and hyphens of keyboards, full stops, commas and brackets are allowed.
    """
    return (
        any(character.isalpha() for character in text)
        and not _NOT_IN_NAMES & set(text)
        and len(text.split()) <= MOST_WORDS
        and sum(character.isdigit() for character in text) <= MOST_DIGITS
    )


def greeted(name: str) -> str:
    """Return a name as a message may open with, or "" when it is long, no name, or holds a web address.

    Also for names that were stored before the forms refused such text.
    """
    name = line(name)
    is_short = len(name) <= GREETED_LENGTH and len(name.split()) <= GREETED_WORDS
    has_digit = any(character.isdigit() for character in name)
    return (
        name if is_short and is_name(name) and not has_digit and not has_web_address(name) else ""
    )


# --- E-mail addresses ----------------------------------------------------------------------------------
def comparable_email(address: str) -> str:
    """Return an e-mail address in the spelling by which two are compared: one for IDN, case and invisible signs.

    The domain is written in Punycode (IDNA 2003, as the transport sends it). The local part is folded too:
    a person types their own address in either case, and no common provider distinguishes them.
    """
    cleaned = unicodedata.normalize("NFKC", "".join(visible(address).split()))
    local, at, domain = cleaned.rpartition("@")
    if not at:
        return cleaned.casefold()
    try:
        written = domain.casefold().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        written = domain.casefold()
    return f"{local.casefold()}@{written.lower()}"


def email_spellings(address: str) -> tuple[str, str, str]:
    """Return the spelling that is compared, the one with its domain in Unicode, and the one that was typed."""
    written = comparable_email(address)
    local, at, domain = written.rpartition("@")
    try:
        in_unicode = domain.encode("ascii").decode("idna")
    except UnicodeError:
        in_unicode = domain
    return written, f"{local}{at}{in_unicode}", address
