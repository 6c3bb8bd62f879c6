"""The command ``inside`` runs another command in one tenant's unit."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from tenants.schema import inside
from tests.factories import make_practice


@pytest.mark.parametrize("place", ["command.lib-rdv.localhost", "t_command"])
def test_a_command_runs_inside_the_named_tenant(
    committed_tenant, tmp_path: Path, place: str
) -> None:
    with inside(committed_tenant("command")):
        make_practice(name="Cabinet Fictif")
    written = tmp_path / "dump.json"

    call_command("inside", place, "dumpdata", "booking.practice", "--output", str(written))

    assert "Cabinet Fictif" in written.read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["nowhere.lib-rdv.localhost", "x_1", "T_ONE"])
def test_an_unknown_target_is_refused(committed_tenant, place: str) -> None:
    committed_tenant("command")

    with pytest.raises(CommandError):
        call_command("inside", place, "dumpdata")


def test_a_command_outside_a_tenant_is_refused(committed_tenant) -> None:
    committed_tenant("command")

    with pytest.raises(DatabaseError):
        call_command("clearsessions")


def test_a_migration_inside_a_tenant_is_refused_by_rights(committed_tenant) -> None:
    unit = committed_tenant("command")

    with pytest.raises(DatabaseError):
        call_command("inside", unit.schema, "migrate", "booking", "zero", "--noinput", verbosity=0)


def test_a_command_that_enters_every_tenant_says_so(committed_tenant) -> None:
    committed_tenant("command")

    with pytest.raises(CommandError, match="run it without inside"):
        call_command("inside", "t_command", "expire")
