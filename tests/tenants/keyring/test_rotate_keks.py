"""The command ``rotate_keks``, also interrupted and run again."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tenants.keyring import services as keyring
from tenants.keyring.models import TenantKey
from tenants.schema import inside
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NEXT = ("next", b"n" * 32)


@pytest.fixture
def back_to_the_demo_kek(settings: Settings):
    """Rewrap the keys of the run's tenants by the KEK of the run after the test."""
    before = list(settings.KEKS)
    yield before
    settings.KEKS = [*before, NEXT]
    call_command("rotate_keks", stdout=StringIO())


def rotate() -> str:
    out = StringIO()
    call_command("rotate_keks", stdout=out, stderr=StringIO())
    return out.getvalue()


def test_every_key_is_rewrapped_and_the_old_kek_is_not_needed(
    committed_tenant, settings: Settings, back_to_the_demo_kek
) -> None:
    unit = committed_tenant("rotation")
    with inside(unit):
        key = keyring.new_key(now=NOW)
        blob = keyring.seal(key=key, data=b"Jeanne", table="t", ref=key.ref)

    settings.KEKS = [NEXT, *back_to_the_demo_kek]
    assert rotate() == "4 of 4 keys rewrapped.\n"
    assert rotate() == "0 of 4 keys rewrapped.\n"

    settings.KEKS = [NEXT]
    keyring.delete_unwrapped_keys()
    with inside(unit):
        assert TenantKey.objects.get().kek_id == "next"
        assert keyring.open_sealed(key=key, sealed=blob, table="t", ref=key.ref) == b"Jeanne"


def test_a_key_that_cannot_be_rewrapped_is_reported_and_the_others_are_rewrapped(
    committed_tenant, settings: Settings, back_to_the_demo_kek
) -> None:
    unit = committed_tenant("rotation")
    with owner_cursor() as cursor:
        cursor.execute(f"UPDATE {unit.schema}.keyring_tenantkey SET kek_id = 'lost'")

    settings.KEKS = [NEXT, *back_to_the_demo_kek]
    with pytest.raises(CommandError, match="1 keys"):
        rotate()

    with owner_cursor() as cursor:
        cursor.execute(f"UPDATE {unit.schema}.keyring_tenantkey SET kek_id = 'demo'")
    assert rotate() == "1 of 4 keys rewrapped.\n"
