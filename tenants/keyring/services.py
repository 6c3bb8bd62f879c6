"""Sealing, opening and destroying, always in the schema of the current unit.

Associated data binds a blob to tenant, table and row: pasted elsewhere it does not open.
Nothing here logs what it handles, and no error carries it.
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
    """A data key as a list reads it: a row of its model, or no more than these two columns."""

    @property
    def ref(self) -> UUID: ...

    @property
    def wrapped(self) -> Any: ...


_unwrapped: OrderedDict[tuple[str, str, bytes], TenantCipher] = OrderedDict()
_unwrapped_lock = threading.Lock()


def ensure_tenant_key(*, now: datetime) -> TenantKey:
    """Return the key of the current schema, made at the first call; two at once make one key.

    Provisioning calls it. A key that was destroyed is not made again by anybody else.
    """
    schema = current_schema()
    kek_id, kek = _current_kek()
    ref = new_ref()
    wrapped = cipher.encrypt(
        AESGCM(kek),
        secrets.token_bytes(KEY_BYTES),
        cipher.place(schema, TENANT_KEY_TABLE) + ref.bytes,
    )
    row = TenantKey(ref=ref, kek_id=kek_id, wrapped=wrapped, created_at=now)
    TenantKey.objects.bulk_create([row], ignore_conflicts=True)
    return TenantKey.objects.get()


def new_key(*, now: datetime) -> DataKey:
    """Make and store a data key, wrapped by the tenant's key."""
    tenant = tenant_cipher()
    ref = new_ref()
    wrapped = cipher.encrypt(
        tenant.wrapper, secrets.token_bytes(KEY_BYTES), tenant.key_place + ref.bytes
    )
    return DataKey.objects.create(ref=ref, wrapped=wrapped, created_at=now)


def seal(*, key: DataKey, data: bytes, table: str, ref: UUID) -> bytes:
    """Bytes that open only under this key, in this schema, for this row of this table."""
    tenant = tenant_cipher()
    return cipher.encrypt(
        _data_key(tenant, key), data, cipher.place(tenant.schema, table) + ref.bytes
    )


def open_sealed(*, key: DataKey | None, sealed: Bytes | None, table: str, ref: UUID) -> bytes:
    """Return what was sealed.

    KeyDestroyedError when the key is gone, UnreadableError when the bytes belong elsewhere.
    """
    if key is None or sealed is None:
        raise KeyDestroyedError("the key of this row was destroyed")
    tenant = tenant_cipher()
    return cipher.decrypt(
        _data_key(tenant, key), sealed, cipher.place(tenant.schema, table) + ref.bytes
    )


def open_many(
    *, table: str, rows: Iterable[tuple[Wrapped | None, Bytes | None, UUID]]
) -> list[bytes | None]:
    """open_sealed() for a list of (key, sealed, ref); None stands for a row that does not open.

    Written out, not by open_sealed(): a page of 1,000 rows pays for the cipher and little else.
    """
    tenant = tenant_cipher()
    unwrap, key_place, row_place = (
        tenant.wrapper.decrypt,
        tenant.key_place,
        cipher.place(tenant.schema, table),
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
                wrapped[head], wrapped[tail], key_place + key.ref.int.to_bytes(16, "big")
            )
            where = row_place + ref.int.to_bytes(16, "big")
            append(cipher_of(material).decrypt(sealed[head], sealed[tail], where))
        except (InvalidTag, ValueError):
            append(None)
    return opened


def destroy(*, key: DataKey) -> bytes:
    """Erase all that this key sealed; return the key's fingerprint, for the receipt."""
    return destroy_many(keys=[key])[0]


def destroy_many(*, keys: Sequence[DataKey | None]) -> list[bytes]:
    """Destroy several keys in one statement; a key that is gone already has an empty fingerprint."""
    DataKey.objects.filter(pk__in=[key.pk for key in keys if key is not None]).delete()
    return [b"" if key is None else fingerprint(key) for key in keys]


def fingerprint(key: DataKey) -> bytes:
    """Return SHA-256 of the wrapped key: it names the destroyed key and gives nothing of it."""
    return hashlib.sha256(bytes(key.wrapped)).digest()


def destroy_tenant_key() -> int:
    """Erase everything the current tenant ever sealed; return how many data keys went too."""
    destroyed, _ = DataKey.objects.all().delete()
    TenantKey.objects.all().delete()
    forget_unwrapped_keys()
    return destroyed


def rewrap_tenant_key() -> bool:
    """Wrap the current schema's key by the current KEK; return False when it already was (S-16)."""
    row = TenantKey.objects.select_for_update().first()
    kek_id, kek = _current_kek()
    if row is None or row.kek_id == kek_id:
        return False
    associated = cipher.place(current_schema(), TENANT_KEY_TABLE) + row.ref.bytes
    material = cipher.decrypt(AESGCM(_kek(row.kek_id)), row.wrapped, associated)
    row.kek_id, row.wrapped = kek_id, cipher.encrypt(AESGCM(kek), material, associated)
    row.save(update_fields=["kek_id", "wrapped"])
    return True


def blind_index(*, purpose: str, value: str) -> bytes:
    """Return 32 bytes to look a person up by, unrelated to another tenant's for the same value.

    `purpose` keeps a phone and an e-mail apart ("contact.email"); a phone comes in E.164.
    """
    return tenant_cipher().mac(
        f"index|{purpose}", cipher.normalised(value).encode("utf-8", "surrogatepass")
    )


def link_token(*, purpose: str, ref: UUID, generation: int, bits: int = 256) -> str:
    """Return the token of a link, computed anew each time: only its token_hash() is stored."""
    return cipher.link_token(
        tenant_cipher(), purpose=purpose, ref=ref, generation=generation, bits=bits
    )


def token_hash(token: str) -> bytes:
    """Return what a token is looked up by: SHA-256, 32 bytes."""
    return cipher.token_hash(token)


def tenant_cipher() -> TenantCipher:
    """Return the unwrapped key of the current schema: read in each unit, unwrapped once."""
    memo = unit_memo()
    known: TenantCipher | None = memo.get(_MEMO)
    if known is None:
        row = TenantKey.objects.first()
        if row is None:
            raise KeyDestroyedError("this tenant has no key")
        known = memo[_MEMO] = _unwrap(current_schema(), row)
    return known


def forget_unwrapped_keys() -> None:
    """Drop every unwrapped key of this process."""
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
    associated = cipher.place(schema, TENANT_KEY_TABLE) + row.ref.bytes
    material = cipher.decrypt(AESGCM(_kek(row.kek_id)), wrapped, associated)
    made = TenantCipher(schema, material, key_table=DATA_KEY_TABLE)
    with _unwrapped_lock:
        _unwrapped[entry] = made
        while len(_unwrapped) > CACHE_SIZE:
            _unwrapped.popitem(last=False)
    return made


def _data_key(tenant: TenantCipher, key: DataKey) -> AESGCM:
    return AESGCM(cipher.decrypt(tenant.wrapper, key.wrapped, tenant.key_place + key.ref.bytes))


def _current_kek() -> tuple[str, bytes]:
    if not settings.KEKS:
        raise UnknownKekError("this process was given no KEK")
    kek_id, kek = settings.KEKS[0]
    return kek_id, kek


def _kek(kek_id: str) -> bytes:
    for known, kek in settings.KEKS:
        if known == kek_id:
            return bytes(kek)
    raise UnknownKekError(f"KEK {kek_id!r} is not among those this process was given")
