"""The contract with Google, check by check: what is claimed, and how we know it.

A check is a function that takes a `Place` and asserts. Its name is the claim.
"""

import enum
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.contract.google.place import Place

Body = Callable[[Place], None]


class Mark(enum.StrEnum):
    """How we know it. What is assumed must be seen once on a real account before anyone relies on it."""

    DOCUMENTED = "documented"
    SEEN = "seen in an issue"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Check:
    """One claim. `fake_only`: it needs control of the fake server, or would harm the account."""

    body: Body
    mark: Mark
    source: str
    fake_only: bool
    scopes: tuple[str, ...]

    @property
    def claim(self) -> str:
        """The claim in words."""
        return self.body.__name__.replace("_", " ")

    @property
    def subject(self) -> str:
        """What it is about: the name of its module."""
        return self.body.__module__.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.subject}: {self.claim} [{self.mark}]"


_CHECKS: list[Check] = []


def check(
    mark: Mark, source: str, *, fake_only: bool = False, scopes: tuple[str, ...] = ()
) -> Callable[[Body], Body]:
    """Register a function as a check; `scopes` (short names) are asked for instead of the usual two."""

    def register(body: Body) -> Body:
        _CHECKS.append(Check(body, mark, source, fake_only, scopes))
        return body

    return register


def all_checks() -> list[Check]:
    """Every check of this folder."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("on_"):
            importlib.import_module(f"{__package__}.{module.name}")
    return list(_CHECKS)
