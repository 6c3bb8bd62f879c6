"""Each identifier that a file of the repository cites is defined under ``docs/``.

Requirements (``B`` with two digits and the other letters), decisions and screens, texts, decision records, and the
sections of a page. Reads files only: no database, no server.
"""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TEXT = {".css", ".csv", ".html", ".js", ".md", ".py", ".service", ".timer", ".toml", ".txt", ""}

REQUIREMENT = re.compile(r"(?<![\w-])[ABCEFGHST]-\d{1,2}(?![\w-])")
# Not an hour after a date (T09:00), nor a part of a longer word.
SCREEN = re.compile(r"(?<![\w}\-/])[ADPST]\d{1,2}(?![\w:])")
RECORD = re.compile(r"\bADRs? (\d+)")
PAGE = re.compile(r"(?<![\w*./-])(?:docs/)?([A-Za-z][\w-]*\.md)\b")
SECTION = re.compile(
    r"(?:(?P<page>[\w-]+)(?:\.md)?,? )?(?<![\w-])sections? (?P<numbers>\d+(?:(?:, | and | to )\d+)*)"
)
HEADING = re.compile(r"^## (\d+)\. ", re.MULTILINE)


def files() -> list[Path]:
    """Return the text files of the repository, tracked or about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(filter(None, listing.stdout.split("\0")))
    return [
        ROOT / name for name in names if (ROOT / name).suffix in TEXT and (ROOT / name).is_file()
    ]


@cache
def defined_identifiers(page: str) -> frozenset[str]:
    """Return the identifiers that a page of ``docs/`` explains: a list item that begins with it in bold."""
    return frozenset(
        re.findall(r"^- \*\*([A-Z]-?\d+)\*\* \S", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    )


@cache
def headings(page: str) -> frozenset[str]:
    """Return the numbers of the sections of a page of ``docs/``; none when there is no such page."""
    path = DOCS / f"{page}.md"
    return frozenset(HEADING.findall(path.read_text("utf-8"))) if path.is_file() else frozenset()


@cache
def records() -> frozenset[int]:
    """Return the numbers of the decision records."""
    return frozenset(int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md"))


def unresolved(text: str, *, suffix: str) -> Iterator[str]:
    """Yield each unresolved citation of a text; ``suffix`` is that of its file."""
    known = (
        defined_identifiers("requirements.md")
        | defined_identifiers("screens.md")
        | defined_identifiers("texts.md")
    )
    yield from (cited for cited in REQUIREMENT.findall(text) if cited not in known)
    yield from (f"ADR {number}" for number in RECORD.findall(text) if int(number) not in records())
    yield from (page for page in PAGE.findall(text) if not is_page(page))
    yield from sections_that_are_nowhere(text, is_page_itself=suffix == ".md")
    if suffix in {".md", ".py"}:
        prose = text if suffix == ".md" else prose_of(text)
        yield from (cited for cited in SCREEN.findall(prose) if cited not in known)


def prose_of(code: str) -> str:
    """Return the comments and docstrings of a module: other strings may hold such a word by chance."""
    return "\n".join(
        token.string
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT or token.string.startswith('"""')
    )


def is_page(name: str) -> bool:
    """Return whether a page of this name is in the repository: at its root or anywhere under ``docs/``."""
    return (ROOT / name).is_file() or any(DOCS.rglob(name))


def sections_that_are_nowhere(text: str, *, is_page_itself: bool) -> Iterator[str]:
    """Yield each section whose page is not named just before it, or has no such section.

    A page of ``docs/`` may cite its own sections without its name.
    """
    for found in SECTION.finditer(text):
        page, cited = found["page"], set(re.findall(r"\d+", found["numbers"]))
        is_own = is_page_itself and not headings(page or "")
        if not is_own and not cited <= headings(page or ""):
            yield found[0]


def test_each_citation_resolves() -> None:
    nowhere = {
        f"{path.relative_to(ROOT)}: {cited}"
        for path in files()
        for cited in unresolved(path.read_text("utf-8"), suffix=path.suffix)
    }

    assert sorted(nowhere) == []


@pytest.mark.parametrize(
    "cited",
    [f"B-{99}", f"T-{99}", f"S{99}", f"ADR {999}", f"design section {99}", f"ui.md section {99}"],
)
def test_an_unknown_identifier_is_reported(cited: str) -> None:
    assert list(unresolved(f"# As {cited} says.", suffix=".py"))


@pytest.mark.parametrize("cited", [f"the table (section {5})", f"somewhere.{'md'}"])
def test_a_missing_or_unnamed_page_is_reported(cited: str) -> None:
    assert list(unresolved(f"# {cited}", suffix=".py"))


@pytest.mark.parametrize(
    "cited", ["B-07, S-22 to S-24", "T-1", "T16", "ADR 8", "design sections 2, 3 and 12", "ui.md"]
)
def test_a_known_identifier_resolves(cited: str) -> None:
    assert list(unresolved(f"# As {cited} says.", suffix=".py")) == []


@pytest.mark.parametrize("page", ["requirements.md", "screens.md", "texts.md"])
def test_an_identifier_is_defined_once(page: str) -> None:
    found = re.findall(r"^- \*\*([A-Z]-?\d+)\*\*", (DOCS / page).read_text("utf-8"), re.MULTILINE)

    assert len(found) == len(set(found))
