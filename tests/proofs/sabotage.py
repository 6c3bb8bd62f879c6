"""Guards of a proof, and how one of them is removed: in the processes under test, or in the database."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guard:
    """One guard: what it is, and how to remove it and nothing else.

    ``process`` patches the running process (runner, web, worker); ``database`` is given the stage and
    the proof's world, with the owner's login. ``sections`` are the parts of the proof in which it stands.
    """

    says: str
    sections: tuple[str, ...] = ()
    process: Callable[[], None] | None = None
    database: Callable[[Any, Any], None] | None = None
    is_early: bool = False
    """Whether it is removed before the world is made, because it acts on what is stored."""

    def remove_from_process(self) -> None:
        """Remove the guard from this process."""
        if self.process is not None:
            self.process()

    def remove_from_database(self, stage: Any, world: Any) -> None:
        """Remove the guard from the database of the stage."""
        if self.database is not None:
            self.database(stage, world)


def apply_sabotage() -> None:
    """Remove the guard ``SABOTAGE`` of the proof ``PROOF`` from this process."""
    name = os.environ.get("SABOTAGE", "")
    if name:
        module = importlib.import_module(f"tests.proofs.{os.environ['PROOF']}")
        module.GUARDS[name].remove_from_process()
