"""Sealed backup files: intact files open, changed files do not."""

import io
import os

import pytest

from tenants.backup import sealing
from tenants.backup.sealing import BadBackup

KEY = b"k" * 32


def sealed(data: bytes) -> bytes:
    target = io.BytesIO()
    sealing.seal(source=io.BytesIO(data), target=target, key=KEY)
    return target.getvalue()


def opened(blob: bytes, key: bytes = KEY) -> bytes:
    return b"".join(sealing.opened(io.BytesIO(blob), key=key))


@pytest.mark.parametrize("length", [0, 1, 99, 100, 101, 200, 1_000])
def test_a_file_of_any_length_is_read_back(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK_BYTES", 100)
    data = os.urandom(length)

    blob = sealed(data)

    assert opened(blob) == data
    assert length < 99 or data[:99] not in blob


def test_sealing_a_file_twice_gives_different_bytes() -> None:
    assert sealed(b"same") != sealed(b"same")


@pytest.mark.parametrize("position", [0, 8, 24, 27, 28, 60, -1])
def test_a_file_with_one_bit_changed_does_not_open(position: int) -> None:
    blob = bytearray(sealed(b"Jeanne" * 100))
    blob[position] ^= 1

    with pytest.raises(BadBackup):
        opened(bytes(blob))


def test_a_file_cut_anywhere_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK_BYTES", 50)
    blob = sealed(b"x" * 120)

    refused = 0
    for length in range(len(blob)):
        with pytest.raises(BadBackup):
            opened(blob[:length])
        refused += 1

    assert refused == len(blob)


def test_chunks_cannot_change_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK_BYTES", 50)
    blob = sealed(b"a" * 50 + b"b" * 50 + b"c" * 50)
    head, size = 24, 4 + 50 + 16
    swapped = blob[:head] + blob[head + size : head + 2 * size] + blob[head : head + size]

    with pytest.raises(BadBackup):
        opened(swapped + blob[head + 2 * size :])


def test_another_key_does_not_open_a_file() -> None:
    with pytest.raises(BadBackup):
        opened(sealed(b"Jeanne"), key=b"o" * 32)


def test_a_plain_file_is_distinguished_from_a_sealed_one() -> None:
    assert sealing.is_sealed(io.BytesIO(sealed(b"Jeanne")))
    assert not sealing.is_sealed(io.BytesIO(b"PGDMP"))
