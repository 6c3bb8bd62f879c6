"""The go-live checks, asked inside a tenant."""

from datetime import UTC, datetime

import pytest

from billing.clients.readiness import ReadinessCheck, register_check, run_checks
from tenants.accounts.models import Role, User
from tenants.schema import Unit
from tests.accounts import make_member
from tests.factories import Cabinet

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def test_an_empty_tenant_meets_no_check(tenant: Unit) -> None:
    assert run_checks(now=NOW) == {
        "owner_signed_in": False,
        "legal_identity": False,
        "bookable_slot": False,
    }


def test_a_complete_tenant_meets_every_check(tenant: Unit) -> None:
    Cabinet()
    owner = make_member(Role.OWNER)
    User.objects.filter(pk=owner.pk).update(last_login=NOW)

    assert all(run_checks(now=NOW).values())


def test_a_check_is_registered_once() -> None:
    with pytest.raises(ValueError, match="legal_identity"):
        register_check(ReadinessCheck("legal_identity", "Identité", lambda now: True))
