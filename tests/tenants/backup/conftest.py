"""A backup records its success in the database of the run: what these tests record must not stay."""

from collections.abc import Iterator

import pytest

from tests.conftest import owner_cursor


@pytest.fixture(autouse=True)
def no_backup_recorded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the heartbeat of the backup after a test that had the database."""
    yield
    if "django_db_setup" in request.fixturenames:
        with owner_cursor() as cursor:
            cursor.execute("DELETE FROM public.tenants_heartbeat WHERE duty = 'backup'")
