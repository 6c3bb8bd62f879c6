"""The cipher: associated data, derived keys, tokens, and errors without data."""

import uuid

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.keyring import cipher
from tenants.keyring.cipher import TenantCipher
from tenants.keyring.errors import UnreadableError

KEY = AESGCM(bytes(32))
PLACE = cipher.associated_prefix("t_one", "contact")
REF = uuid.UUID(int=7)


def tenant(schema: str = "t_one", material: bytes = bytes(32)) -> TenantCipher:
    return TenantCipher(schema, material, key_table="keyring_datakey")


def test_a_sealed_value_opens_with_its_associated_data() -> None:
    sealed = cipher.encrypt(KEY, b"Jeanne", PLACE)

    assert cipher.decrypt(KEY, sealed, PLACE) == b"Jeanne"


def test_sealing_the_same_bytes_twice_gives_different_blobs() -> None:
    assert cipher.encrypt(KEY, b"Jeanne", PLACE) != cipher.encrypt(KEY, b"Jeanne", PLACE)


@pytest.mark.parametrize(
    ("key", "associated"),
    [
        (KEY, cipher.associated_prefix("t_two", "contact")),
        (KEY, cipher.associated_prefix("t_one", "token")),
        (KEY, PLACE + REF.bytes),
        (AESGCM(bytes(31) + b"1"), PLACE),
    ],
    ids=["other tenant", "other table", "other row", "other key"],
)
def test_a_blob_with_other_associated_data_does_not_open(key: AESGCM, associated: bytes) -> None:
    sealed = cipher.encrypt(KEY, b"Jeanne", PLACE)

    with pytest.raises(UnreadableError):
        cipher.decrypt(key, sealed, associated)


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_a_blob_with_one_bit_changed_does_not_open(position: int) -> None:
    sealed = bytearray(cipher.encrypt(KEY, b"Jeanne", PLACE))
    sealed[position] ^= 1

    with pytest.raises(UnreadableError):
        cipher.decrypt(KEY, sealed, PLACE)


@pytest.mark.parametrize("length", [0, 1, 12, 27])
def test_a_blob_cut_short_does_not_open(length: int) -> None:
    sealed = cipher.encrypt(KEY, b"Jeanne", PLACE)[:length]

    with pytest.raises(UnreadableError):
        cipher.decrypt(KEY, sealed, PLACE)


def test_an_error_carries_neither_data_nor_cause() -> None:
    sealed = cipher.encrypt(KEY, b"Jeanne", PLACE)

    with pytest.raises(UnreadableError) as caught:
        cipher.decrypt(KEY, sealed, b"")

    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    assert "Jeanne" not in str(caught.value)


def test_a_tenants_cipher_shows_no_key_when_printed() -> None:
    assert repr(tenant(material=b"k" * 32)) == "TenantCipher('t_one')"


def test_derived_keys_differ_by_purpose_and_tenant() -> None:
    derived = {
        tenant().derived("index|contact.email"),
        tenant().derived("index|contact.phone"),
        tenant("t_two").derived("index|contact.email"),
        tenant(material=b"k" * 32).derived("index|contact.email"),
    }

    assert len(derived) == 4


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("Jeanne@Example.ORG", "jeanne@example.org"),
        (" jeanne@example.org ", "jeanne@example.org"),
        ("e\u0301lise@example.org", "\u00e9lise@example.org"),
        ("E\u0301LISE@example.org", "\u00e9lise@example.org"),
        ("+33612345678", "+33612345678"),
    ],
)
def test_an_address_has_one_canonical_form(typed: str, same: str) -> None:
    assert cipher.normalised(typed) == same


def link(**changed: object) -> str:
    arguments = {"purpose": "manage", "ref": REF, "generation": 0, "bits": 256, **changed}
    return cipher.link_token(tenant(), **arguments)  # type: ignore[arg-type]  # one dict for brevity


def test_a_link_is_deterministic() -> None:
    assert link() == link()


def test_a_link_is_bound_to_purpose_row_generation_and_length() -> None:
    tokens = {
        link(),
        link(purpose="unsubscribe"),
        link(ref=uuid.UUID(int=8)),
        link(generation=1),
        link(bits=128),
    }

    assert len(tokens) == 5
    assert not link().startswith(link(bits=128))


@pytest.mark.parametrize(("bits", "length"), [(256, 43), (128, 22)])
def test_a_link_is_as_long_as_its_bits(bits: int, length: int) -> None:
    assert len(link(bits=bits)) == length


def test_any_text_has_a_hash() -> None:
    assert len(cipher.token_hash("\ud800 lone surrogate")) == 32
