"""KEKs: their text format and their system check."""

import base64
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tenants.keyring.checks import check_keks
from tenants.keyring.errors import BadKekError
from tenants.keyring.keks import DEMO_KEK, load, parse, written

A, B = b"a" * 32, b"b" * 32


def line(kek_id: str, key: bytes) -> str:
    return f"{kek_id}:{base64.b64encode(key).decode()}"


def test_the_first_kek_is_the_current_one() -> None:
    assert parse(f"{line('2027', A)},{line('2026', B)}") == [("2027", A), ("2026", B)]


def test_a_file_holds_one_kek_per_line_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "keks"
    path.write_text(f"# from the safe\n{line('2027', A)}  # current\n\n{line('2026', B)}\n")

    assert load({"LIBRDV_KEKS_FILE": str(path)}) == [("2027", A), ("2026", B)]


def test_written_values_are_read_back() -> None:
    assert parse(written([("2027", A), ("2026", B)])) == [("2027", A), ("2026", B)]


@pytest.mark.parametrize(
    "text",
    [
        line("short", b"a" * 31),
        line("long", b"a" * 33),
        line("", A),
        line("x" * 33, A),
        "no separator",
        "id:not base64!",
        f"{line('same', A)},{line('same', B)}",
    ],
)
def test_a_malformed_list_is_refused(text: str) -> None:
    with pytest.raises(BadKekError) as caught:
        parse(text)

    assert base64.b64encode(A).decode() not in str(caught.value)


@pytest.mark.parametrize(
    ("keks", "production", "expected"),
    [
        ([], False, ["keyring.E001"]),
        ([("short", b"a" * 16)], False, ["keyring.E002"]),
        ([("same", A), ("same", B)], False, ["keyring.E003"]),
        ([DEMO_KEK], True, ["keyring.E004"]),
        ([("2027", A), ("old", DEMO_KEK[1])], True, ["keyring.E004"]),
        ([DEMO_KEK], False, []),
        ([("2027", A)], True, []),
    ],
)
def test_no_process_starts_with_unsafe_keks(
    settings: Settings,
    keks: list[tuple[str, bytes]],
    production: bool,
    expected: list[str],
) -> None:
    settings.KEKS, settings.PRODUCTION = keks, production

    assert [message.id for message in check_keks(None)] == expected
