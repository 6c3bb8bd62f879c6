"""Seals and opens personal data and destroys keys, in the schema of the current unit.

Associated data binds each sealed value to its tenant, table and row; a value copied elsewhere does not
open. No log line and no error carries a key or a plaintext.
"""

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from tenants.keyring import cipher
from tenants.keyring.cipher import KEY_BYTES, NONCE_BYTES, Bytes, TenantCipher
from tenants.keyring.errors import KeyDestroyedError, UnknownKekError
from tenants.keyring.models import DataKey, TenantKey
from tenants.refs import new_ref
from tenants.schema import current_schema, unit_memo

TENANT_KEY_TABLE = TenantKey._meta.db_table
DATA_KEY_TABLE = DataKey._meta.db_table
CACHE_SIZE = 512
_MEMO = "keyring"


class Wrapped(Protocol):
    """A wrapped data key: a DataKey row, or an object with these two columns only."""

    @property
    def ref(self) -> UUID:
        """Return the reference of the key."""

    @property
    def wrapped(self) -> Any:
        """Return the key, encrypted by the tenant's key."""


_unwrapped: OrderedDict[tuple[str, str, bytes], TenantCipher] = OrderedDict()
_unwrapped_lock = threading.Lock()


def ensure_tenant_key(*, now: datetime) -> TenantKey:
    """Return the key of the current schema and create it at the first call; concurrent calls create one key.

    Only provisioning and restore call it: no other code recreates a destroyed key.
    """
    schema = current_schema()
    kek_id, kek = _current_kek()
    ref = new_ref()
    wrapped = cipher.encrypt(
        AESGCM(kek),
        secrets.token_bytes(KEY_BYTES),
        cipher.associated_prefix(schema, TENANT_KEY_TABLE) + ref.bytes,
    )
    row = TenantKey(ref=ref, kek_id=kek_id, wrapped=wrapped, created_at=now)
    TenantKey.objects.bulk_create([row], ignore_conflicts=True)
    return TenantKey.objects.get()


def has_tenant_key() -> bool:
    """Return whether the current schema has a key."""
    return TenantKey.objects.exists()


def new_key(*, now: datetime) -> DataKey:
    """Create and store a data key, wrapped by the tenant's key."""
    tenant = tenant_cipher()
    ref = new_ref()
    wrapped = cipher.encrypt(
        tenant.wrapper, secrets.token_bytes(KEY_BYTES), tenant.key_prefix + ref.bytes
    )
    return DataKey.objects.create(ref=ref, wrapped=wrapped, created_at=now)


def seal(*, key: DataKey, data: bytes, table: str, ref: UUID) -> bytes:
    """Return the data encrypted by this key and bound to this schema, table and row."""
    tenant = tenant_cipher()
    return cipher.encrypt(
        _data_key(tenant, key), data, cipher.associated_prefix(tenant.schema, table) + ref.bytes
    )


def open_sealed(*, key: DataKey | None, sealed: Bytes | None, table: str, ref: UUID) -> bytes:
    """Return the plaintext of a sealed value.

    Raises KeyDestroyedError without a key, UnreadableError when the bytes belong to another row or table.
    """
    if key is None or sealed is None:
        raise KeyDestroyedError("the key of this row was destroyed")
    tenant = tenant_cipher()
    return cipher.decrypt(
        _data_key(tenant, key), sealed, cipher.associated_prefix(tenant.schema, table) + ref.bytes
    )


def open_many(
    *, table: str, rows: Iterable[tuple[Wrapped | None, Bytes | None, UUID]]
) -> list[bytes | None]:
    """Return the plaintexts of a list of (key, sealed, ref); None for a row that does not open.

    Does not call open_sealed(): for a page of 1,000 rows the cipher is then nearly the whole cost.
    """
    tenant = tenant_cipher()
    unwrap, key_prefix, row_prefix = (
        tenant.wrapper.decrypt,
        tenant.key_prefix,
        cipher.associated_prefix(tenant.schema, table),
    )
    opened: list[bytes | None] = []
    append, cipher_of = opened.append, AESGCM
    head, tail = slice(NONCE_BYTES), slice(NONCE_BYTES, None)
    for key, sealed, ref in rows:
        if key is None or sealed is None:
            append(None)
            continue
        wrapped = key.wrapped
        try:
            material = unwrap(
                wrapped[head], wrapped[tail], key_prefix + key.ref.int.to_bytes(16, "big")
            )
            associated = row_prefix + ref.int.to_bytes(16, "big")
            append(cipher_of(material).decrypt(sealed[head], sealed[tail], associated))
        except (InvalidTag, ValueError):
            append(None)
    return opened


def destroy(*, key: DataKey) -> bytes:
    """Delete a data key, which erases the data sealed by it; return its fingerprint for the receipt."""
    return destroy_many(keys=[key])[0]


def destroy_many(*, keys: Sequence[DataKey | None]) -> list[bytes]:
    """Delete several data keys in one statement; return their fingerprints, b"" for a missing key."""
    DataKey.objects.filter(pk__in=[key.pk for key in keys if key is not None]).delete()
    return [b"" if key is None else fingerprint(key) for key in keys]


def fingerprint(key: DataKey) -> bytes:
    """Return SHA-256 of the wrapped key: it identifies a destroyed key and reveals nothing of it."""
    return hashlib.sha256(bytes(key.wrapped)).digest()


def destroy_tenant_key() -> int:
    """Delete the tenant's key and all data keys, which erases all sealed data; return the number of data keys."""
    destroyed, _ = DataKey.objects.all().delete()
    TenantKey.objects.all().delete()
    delete_unwrapped_keys()
    return destroyed


def rewrap_tenant_key() -> bool:
    """Wrap the current schema's key by the current KEK; return False when nothing changed (S-16)."""
    row = TenantKey.objects.select_for_update().first()
    kek_id, kek = _current_kek()
    if row is None or row.kek_id == kek_id:
        return False
    associated = cipher.associated_prefix(current_schema(), TENANT_KEY_TABLE) + row.ref.bytes
    material = cipher.decrypt(AESGCM(_kek(row.kek_id)), row.wrapped, associated)
    row.kek_id, row.wrapped = kek_id, cipher.encrypt(AESGCM(kek), material, associated)
    row.save(update_fields=["kek_id", "wrapped"])
    return True


def blind_index(*, purpose: str, value: str) -> bytes:
    """Return 32 bytes by which a person is looked up; each tenant has other bytes for the same value.

    `purpose` separates kinds of values, such as "contact.email"; a phone number is in E.164 form.
    """
    return tenant_cipher().mac(
        f"index|{purpose}", cipher.normalised(value).encode("utf-8", "surrogatepass")
    )


def link_token(*, purpose: str, ref: UUID, generation: int, bits: int = 256) -> str:
    """Return the token of a link, derived at each call: only its token_hash() is stored."""
    return cipher.link_token(
        tenant_cipher(), purpose=purpose, ref=ref, generation=generation, bits=bits
    )


def token_hash(token: str) -> bytes:
    """Return SHA-256 of a token, 32 bytes, by which rows are looked up."""
    return cipher.token_hash(token)


def tenant_cipher() -> TenantCipher:
    """Return the unwrapped key of the current schema: read once per unit, unwrapped once per process.

    Raises KeyDestroyedError when the schema has no key.
    """
    memo = unit_memo()
    known: TenantCipher | None = memo.get(_MEMO)
    if known is None:
        row = TenantKey.objects.first()
        if row is None:
            raise KeyDestroyedError("this tenant has no key")
        known = memo[_MEMO] = _unwrap(current_schema(), row)
    return known


def delete_unwrapped_keys() -> None:
    """Delete every unwrapped key from the memory of this process."""
    unit_memo().pop(_MEMO, None)
    with _unwrapped_lock:
        _unwrapped.clear()


def _unwrap(schema: str, row: TenantKey) -> TenantCipher:
    wrapped = bytes(row.wrapped)
    entry = (schema, row.kek_id, wrapped)
    with _unwrapped_lock:
        known = _unwrapped.get(entry)
        if known is not None:
            _unwrapped.move_to_end(entry)
            return known
    associated = cipher.associated_prefix(schema, TENANT_KEY_TABLE) + row.ref.bytes
    material = cipher.decrypt(AESGCM(_kek(row.kek_id)), wrapped, associated)
    made = TenantCipher(schema, material, key_table=DATA_KEY_TABLE)
    with _unwrapped_lock:
        _unwrapped[entry] = made
        while len(_unwrapped) > CACHE_SIZE:
            _unwrapped.popitem(last=False)
    return made


def _data_key(tenant: TenantCipher, key: DataKey) -> AESGCM:
    return AESGCM(cipher.decrypt(tenant.wrapper, key.wrapped, tenant.key_prefix + key.ref.bytes))


def _current_kek() -> tuple[str, bytes]:
    if not settings.KEKS:
        raise UnknownKekError("this process has no KEK")
    kek_id, kek = settings.KEKS[0]
    return kek_id, kek


def _kek(kek_id: str) -> bytes:
    for known, kek in settings.KEKS:
        if known == kek_id:
            return bytes(kek)
    raise UnknownKekError(f"this process does not have KEK {kek_id!r}")
