"""Fixtures of the tests of proofs."""

import os
from collections.abc import Iterator

import pytest

from tests.databases import drop_database
from tests.proofs.environment import PROOF_DATABASE


@pytest.fixture(scope="module")
def kept_database(services: object) -> Iterator[None]:
    """Let all proofs of a module share one empty database, which takes seconds to make."""
    os.environ["PROOF_KEEP_DATABASE"] = "1"
    yield
    del os.environ["PROOF_KEEP_DATABASE"]
    drop_database(os.environ["OWNER_DATABASE_URL"], PROOF_DATABASE)
