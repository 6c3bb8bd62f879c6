"""A practice at work, for the tests of its dashboard: everything at the pretended now."""

from collections.abc import Iterator

import pytest
import time_machine
from django.core.cache import cache

from tenants.schema import Unit
from tests.factories import NOW, Cabinet


@pytest.fixture
def at_work() -> Iterator[None]:
    """Stop the clock on Tuesday 10 November 2026 at 10:40 in Paris."""
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def cabinet(tenant: Unit, at_work: None) -> Cabinet:
    """Return a practice of one practitioner, open."""
    return Cabinet()
