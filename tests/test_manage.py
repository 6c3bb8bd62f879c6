"""A command of production does not run as root."""

import pytest

import manage


def test_root_runs_no_command_of_production() -> None:
    """The erasure ledger that root makes is closed to the services: every erasure would fail."""
    with pytest.raises(SystemExit, match="not as root"):
        manage.refuse_root(uid=0, is_production=True)


def test_the_services_user_and_a_demonstration_run_commands() -> None:
    manage.refuse_root(uid=999, is_production=True)
    manage.refuse_root(uid=0, is_production=False)
