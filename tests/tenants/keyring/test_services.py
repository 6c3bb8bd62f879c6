"""The keyring with the tenant's role: sealing, opening, rotating and destroying keys."""

import uuid
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.conf import settings as product_settings
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnknownKekError, UnreadableError
from tenants.keyring.models import DataKey, TenantKey
from tenants.schema import Unit, inside
from tests.conftest import TENANT_ONE, TENANT_TWO

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TABLE = "booking_patientcontact"
REF, OTHER_REF = uuid.UUID(int=1), uuid.UUID(int=2)
DATA = b'{"first_name":"Jeanne"}'


def sealed(ref: uuid.UUID = REF) -> tuple[DataKey, bytes]:
    key = keyring.new_key(now=NOW)
    return key, keyring.seal(key=key, data=DATA, table=TABLE, ref=ref)


def opened(key: DataKey | None, blob: bytes, ref: uuid.UUID = REF, table: str = TABLE) -> bytes:
    return keyring.open_sealed(key=key, sealed=blob, table=table, ref=ref)


def test_a_row_opens_with_its_own_key(tenant: Unit) -> None:
    key, blob = sealed()

    assert opened(DataKey.objects.get(pk=key.pk), blob) == DATA
    assert b"Jeanne" not in blob


def test_a_blob_swapped_with_another_rows_does_not_open(tenant: Unit) -> None:
    first, first_blob = sealed(REF)
    second, second_blob = sealed(OTHER_REF)

    for key, blob, ref in [
        (first, second_blob, REF),
        (second, first_blob, OTHER_REF),
        (first, first_blob, OTHER_REF),
    ]:
        with pytest.raises(UnreadableError):
            opened(key, blob, ref)


def test_a_blob_does_not_open_as_another_tables(tenant: Unit) -> None:
    key, blob = sealed()

    with pytest.raises(UnreadableError):
        opened(key, blob, table="booking_waitingentry")


def test_key_and_blob_copied_into_another_tenant_do_not_open(tenant: Unit) -> None:
    key, blob = sealed()

    with inside(TENANT_TWO):
        copy = DataKey.objects.create(ref=key.ref, wrapped=key.wrapped, created_at=NOW)
        with pytest.raises(UnreadableError):
            opened(copy, blob)


def test_a_copied_tenant_key_opens_no_row_in_another_tenant(tenant: Unit) -> None:
    key, blob = sealed()
    own = TenantKey.objects.get()

    with inside(TENANT_TWO):
        TenantKey.objects.update(kek_id=own.kek_id, wrapped=own.wrapped, ref=own.ref)
        keyring.delete_unwrapped_keys()
        with pytest.raises(UnreadableError):
            opened(key, blob)
        TenantKey.objects.all().delete()
    keyring.delete_unwrapped_keys()


def test_wrapped_keys_of_two_rows_swapped_do_not_open(tenant: Unit) -> None:
    first, blob = sealed()
    second, _ = sealed(OTHER_REF)
    first.wrapped = second.wrapped

    with pytest.raises(UnreadableError):
        opened(first, blob)


def test_data_of_a_destroyed_key_are_unreadable(tenant: Unit) -> None:
    key, blob = sealed()
    fingerprint = keyring.fingerprint(key)

    assert keyring.destroy(key=key) == fingerprint

    assert not DataKey.objects.exists()
    with pytest.raises(KeyDestroyedError):
        opened(None, blob)


def test_a_list_returns_none_for_unreadable_rows(tenant: Unit) -> None:
    good_key, good = sealed()
    bad_key, bad = sealed(OTHER_REF)
    rows = [(good_key, good, REF), (None, good, REF), (bad_key, bad, REF), (good_key, b"", REF)]

    assert keyring.open_many(table=TABLE, rows=rows) == [DATA, None, None, None]


def test_a_list_of_a_thousand_keys_costs_one_query(tenant: Unit) -> None:
    rows = [(key, blob, REF) for key, blob in (sealed() for _ in range(20))] * 50
    keyring.delete_unwrapped_keys()

    with CaptureQueriesContext(connection) as queries:
        assert keyring.open_many(table=TABLE, rows=rows) == [DATA] * 1_000

    assert len(queries) == 1


def test_a_transaction_reads_its_tenant_key_once(tenant: Unit) -> None:
    keyring.delete_unwrapped_keys()

    with CaptureQueriesContext(connection) as queries:
        keyring.blind_index(purpose="contact.email", value="jeanne@example.org")
        keyring.link_token(purpose="manage", ref=REF, generation=0)
        keyring.blind_index(purpose="contact.phone", value="+33612345678")

    assert len(queries) == 1


def test_unwrapped_keys_are_bounded(tenant: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "CACHE_SIZE", 1)
    keyring.delete_unwrapped_keys()

    keyring.tenant_cipher()
    with inside(TENANT_TWO):
        keyring.tenant_cipher()

    assert [schema for schema, _, _ in keyring._unwrapped] == [TENANT_TWO.schema]


def test_one_schema_has_one_key_after_repeated_calls(tenant: Unit) -> None:
    first = keyring.ensure_tenant_key(now=NOW)

    assert keyring.ensure_tenant_key(now=NOW).ref == first.ref
    assert TenantKey.objects.count() == 1


def test_the_public_schema_has_a_key_of_its_own(public: Unit) -> None:
    key, blob = sealed()

    assert opened(key, blob) == DATA
    with inside(TENANT_ONE), pytest.raises(UnreadableError):
        opened(key, blob)


def test_rotation_rewraps_and_changes_nothing_else(tenant: Unit, settings: Settings) -> None:
    key, blob = sealed()
    wrapped = bytes(key.wrapped)
    index = keyring.blind_index(purpose="contact.email", value="jeanne@example.org")

    settings.KEKS = [("next", b"n" * 32), *product_settings.KEKS]
    assert keyring.rewrap_tenant_key()

    settings.KEKS = [("next", b"n" * 32)]  # the old KEK is removed
    keyring.delete_unwrapped_keys()
    again = DataKey.objects.get(pk=key.pk)
    assert opened(again, blob) == DATA
    assert bytes(again.wrapped) == wrapped
    assert keyring.blind_index(purpose="contact.email", value="jeanne@example.org") == index


def test_a_second_rotation_changes_nothing(tenant: Unit, settings: Settings) -> None:
    settings.KEKS = [("next", b"n" * 32), *product_settings.KEKS]

    assert [keyring.rewrap_tenant_key(), keyring.rewrap_tenant_key()] == [True, False]


def test_the_error_of_an_unknown_kek_names_its_id_only(tenant: Unit, settings: Settings) -> None:
    settings.KEKS = [("next", b"n" * 32)]
    keyring.delete_unwrapped_keys()

    with pytest.raises(UnknownKekError, match="'demo'"):
        keyring.tenant_cipher()


def test_destroying_the_tenants_key_makes_all_data_unreadable(tenant: Unit) -> None:
    key, blob = sealed()

    assert keyring.destroy_tenant_key() == 1

    with pytest.raises(KeyDestroyedError):
        opened(key, blob)


def test_two_tenants_index_the_same_person_differently(tenant: Unit) -> None:
    indexes = {keyring.blind_index(purpose="contact.email", value="jeanne@example.org")}
    with inside(TENANT_TWO):
        indexes.add(keyring.blind_index(purpose="contact.email", value="jeanne@example.org"))

    assert len(indexes) == 2


def test_an_address_is_found_however_it_is_typed(tenant: Unit) -> None:
    indexes = {
        keyring.blind_index(purpose="contact.email", value=value)
        for value in ("jeanne@example.org", " Jeanne@Example.ORG ")
    }

    assert len(indexes) == 1


def test_a_link_of_one_tenant_is_unknown_in_another(tenant: Unit) -> None:
    tokens = {keyring.link_token(purpose="manage", ref=REF, generation=0)}
    with inside(TENANT_TWO):
        tokens.add(keyring.link_token(purpose="manage", ref=REF, generation=0))

    assert len(tokens) == 2


def test_no_constraint_of_the_database_points_to_a_key() -> None:
    wrong = [
        str(field)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.ForeignKey)
        and field.related_model in {DataKey, TenantKey}
        and not (field.null and not getattr(field, "db_constraint", True))
    ]

    assert wrong == []
