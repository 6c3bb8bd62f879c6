"""Fixtures of invoicing's tests."""

import pytest
from django.test import Client

from tenants.schema import Unit
from tests.staff import staff_browser


@pytest.fixture
def staff(public: Unit, public_host: str) -> Client:
    """The browser of a member of staff with a second factor."""
    return staff_browser(public_host)
