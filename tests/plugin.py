"""Starts PostgreSQL and Redis for a test run, before pytest-django reads the settings."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from config import embedded


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start the services and name them in the environment; they end with the session.

    A wrapper, because only a wrapper runs before pytest-django's own hook.
    """
    stack = contextlib.ExitStack()
    early_config.add_cleanup(stack.close)
    try:
        services = stack.enter_context(embedded.services())
    except embedded.Unavailable as error:
        raise pytest.UsageError(str(error)) from error
    os.environ.update(services.environment(), LIBRDV_TESTING="1")
    early_config.stash[SERVICES] = services
    return (yield)


SERVICES = pytest.StashKey[embedded.Services]()


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> embedded.Services:
    """The running services, for tests that stop and start them."""
    return pytestconfig.stash[SERVICES]
