"""Paths, make targets, commands and decision records that the documents mention exist. Reads files only."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADR = ROOT / "docs" / "adr"
RECORDS = sorted(ADR.glob("[0-9]*.md"))
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
LONGEST_RECORD = 30

QUOTED = re.compile(r"`([^`\n]+)`")
LINKED = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# A path of ours begins with one of our folders, or is a file at the root or in a folder that is named.
PATH = re.compile(r"[\w.-]+(?:/[\w.{},*-]+)*/?")
MODULE = re.compile(r"(?:api|billing|booking|compliance|config|tenants|tests)(?:\.[a-z_]+)+")
TARGET = re.compile(r"\bmake(?: [A-Z]+=\S+)* ([a-z][a-z-]*)")
FIELD = re.compile(r"^(Date|Status): (.+)$", re.MULTILINE)
SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".css",
    ".js",
    ".sql",
    ".html",
    ".csv",
    ".lock",
    ".service",
    ".svg",
}
GENERATED = {"staticfiles/", "marque.css", "REPORT.json"}
"""Files that the program or a command generates, or serves without a file."""


@cache
def names() -> frozenset[str]:
    """Return the names of all files of the repository, without their folders."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."]
    inner = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return frozenset(path.name for path in (*inner, *ROOT.iterdir()))


def is_path(quoted: str) -> bool:
    """Return whether a quoted word is the path of a file or a folder of the repository."""
    if not PATH.fullmatch(quoted) or quoted in GENERATED:
        return False
    first = quoted.split("/", maxsplit=1)[0]
    is_in_a_folder = "/" in quoted and first[:1].isalpha() and (ROOT / first).is_dir()
    return is_in_a_folder or Path(quoted).suffix in SUFFIXES


def exists(quoted: str) -> bool:
    """Return whether a path exists; ``*`` matches any text, a bare name a file in any folder."""
    if "/" not in quoted:
        return quoted in names()
    return bool(list(ROOT.glob(quoted.rstrip("/"))))


def is_missing_module(quoted: str) -> bool:
    """Return whether a dotted name of a package of the project has no module."""
    if not MODULE.fullmatch(quoted):
        return False
    path = ROOT / quoted.replace(".", "/")
    return not path.is_dir() and not path.with_suffix(".py").is_file()


def missing_targets(page: Path) -> list[str]:
    """Return the paths and modules that a page mentions and that do not exist."""
    text = page.read_text("utf-8")
    quoted = [found for found in QUOTED.findall(text) if is_path(found)]
    linked = [found for found in LINKED.findall(text) if "://" not in found]
    return [
        *(found for found in quoted if not exists(found)),
        *(found for found in QUOTED.findall(text) if is_missing_module(found)),
        *(found for found in linked if not (page.parent / found).exists()),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_path_that_a_page_names_exists(page: Path) -> None:
    assert missing_targets(page) == []


def test_each_path_that_the_program_names_exists() -> None:
    """In comments and docstrings too; tests make up paths of their own."""
    rooms = ("api", "billing", "booking", "compliance", "config", "tenants", "templates", "docs")
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file()]
    pattern = re.compile(
        rf"\b((?:{'|'.join(rooms)}|tests)/[\w/-]+\.(?:py|md|html|css|js|sql|csv))\b"
    )
    shorter = {"/".join(path.relative_to(ROOT).parts[1:]) for path in files}

    named = {
        (str(path.relative_to(ROOT)), found)
        for path in files
        if path.suffix in SUFFIXES - {".md", ".csv", ".svg"} or path.name == "Caddyfile"
        for found in pattern.findall(path.read_text("utf-8"))
    }

    assert len(named) > 20
    # A template is named without its folder, and a module sometimes without its room.
    assert [
        pair for pair in sorted(named) if not (ROOT / pair[1]).exists() and pair[1] not in shorter
    ] == []


def test_a_missing_path_is_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text(
        "`booking/nothing.py`, `nothing.css`, `booking.nothing`, [x](nothing.txt)", "utf-8"
    )

    assert missing_targets(page) == [
        "booking/nothing.py",
        "nothing.css",
        "booking.nothing",
        "nothing.txt",
    ]


def test_each_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))

    # "make" is also a verb: a target stands in quotes or begins an indented line.
    named = {
        target
        for page in PAGES
        for line in re.findall(
            r"`([^`\n]+)`|^    (make .*)$", page.read_text("utf-8"), re.MULTILINE
        )
        for target in TARGET.findall(" ".join(line))
    }

    assert named - targets == set()
    assert {"check", "test", "guards", "demo", "prove", "bench"} <= named


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_is_short_and_has_date_and_status(record: Path) -> None:
    text = record.read_text("utf-8")
    fields = dict(FIELD.findall(text))
    numbers = {int(other.name[:4]) for other in RECORDS}

    assert len(text.splitlines()) <= LONGEST_RECORD
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", fields["Date"])
    status = re.fullmatch(r"accepted|superseded by ADR (\d+)", fields["Status"])
    assert status
    assert status[1] is None or int(status[1]) in numbers


def test_the_index_matches_each_record() -> None:
    expected = [
        f"| [{int(record.name[:4])}]({record.name}) | {fields['Date']} | {fields['Status']} | {title} |"
        for record in RECORDS
        for text in [record.read_text("utf-8")]
        for fields in [dict(FIELD.findall(text))]
        for title in [text.splitlines()[0].split(". ", 1)[1]]
    ]

    index = (ADR / "README.md").read_text("utf-8").splitlines()

    assert [line for line in index if line.startswith("| [")] == expected


def test_the_newest_version_of_the_changes_is_the_projects() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    titles = re.findall(r"^## (.+)$", changes, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert titles[0] == "Unreleased"
    assert re.fullmatch(rf"{project['version']} - \d{{4}}-\d{{2}}-\d{{2}}", titles[1])


def commands() -> set[str]:
    """Return what stands in quotes or begins an indented line of a page."""
    pattern = re.compile(r"`([^`\n]+)`|^    (\S.*)$", re.MULTILINE)
    return {
        quoted or indented
        for page in PAGES
        for quoted, indented in pattern.findall(page.read_text("utf-8"))
    }


def test_each_proof_and_bench_that_a_command_runs_exists() -> None:
    named = {
        ("proofs" if kind == "PROOF" else "bench", name)
        for command in commands()
        for kind, name in re.findall(r"\b(PROOF|BENCH)=([a-z_]+)", command)
    }

    assert len(named) > 8
    assert [
        f"{kind}/{name}"
        for kind, name in sorted(named)
        if not (ROOT / "tests" / kind / f"{name}.py").is_file()
    ] == []


def test_each_file_that_a_command_takes_exists() -> None:
    """As `install docs/systemd/lib-rdv`: a step of the guide that fails is the end of it."""
    words = {word.split("::")[0] for command in commands() for word in command.split()}
    named = {word for word in words if "*" not in word and is_path(word)}

    assert {"docs/systemd/lib-rdv", "docs/caddy/Caddyfile", "requirements.lock"} <= named
    assert [word for word in sorted(named) if not exists(word)] == []


def test_each_test_that_a_command_runs_exists() -> None:
    named = {
        path for command in commands() for path in re.findall(r"\bpytest (tests/\S+)", command)
    }

    assert named
    assert [path for path in sorted(named) if not (ROOT / path.split("::")[0]).exists()] == []


def test_each_command_and_metric_that_a_page_names_exists() -> None:
    commands = {path.stem for path in ROOT.glob("*/**/management/commands/*.py")}
    program = "".join(
        path.read_text("utf-8")
        for path in [*ROOT.glob("tenants/*.py"), *ROOT.glob("config/**/*.py")]
    )
    text = "".join(page.read_text("utf-8") for page in PAGES)

    named = set(re.findall(r"(?:manage\.py|(?:`|^    )lib-rdv) ([a-z_]+)", text, re.MULTILINE))
    metrics = set(re.findall(r"librdv_\w+", text))

    assert named - commands - {"check", "collectstatic"} == set()
    # Some names are made of a prefix and a word.
    assert {name for name in metrics if name.removeprefix("librdv_") not in program} == set()
