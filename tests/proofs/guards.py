"""The guards of the proofs, and the helper by which a proof removes one.

A guard is one mechanism of the product on which a proof depends. To show that it does, the guard is removed and
the proof must fail. `replace` and `wrap` remove a guard of the Python code: they set another value in place of a
function, a method or a constant, and raise `GuardRemovalError` when the product no longer has that name or gives
the function another signature. A proof whose guard cannot be removed is broken; it does not count as failed.
"""

import contextlib
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Around = Callable[[Callable[..., Any], Mapping[str, Any]], Any]
PRODUCT = ("api", "billing", "booking", "compliance", "config", "tenants")


class GuardRemovalError(Exception):
    """The product has changed: what the removal of a guard replaces is missing or is called otherwise."""


@dataclass(frozen=True)
class Guard:
    """One guard: what it promises, and how to remove it and nothing else."""

    promise: str
    sections: tuple[str, ...] = ()
    """The parts of the proof that run when this guard is removed; all of them when empty."""
    process: Callable[[], None] | None = None
    """Removes the guard from the running process: runner, web, worker or command."""
    database: Callable[[Any, Any], None] | None = None
    """Removes it from the database, by the owner's login; called with the environment and the proof's dataset."""
    is_early: bool = False
    """Whether it is removed before the dataset is made, because it acts on what is stored."""
    server_errors: tuple[str, ...] = ()
    """Exceptions that the guard turns into a normal answer: without it the proof may fail by answers 5xx.

    Any other guard that is removed and leads to a 5xx leaves the proof broken.
    """

    def remove_from_process(self) -> None:
        """Remove the guard from this process."""
        if self.process is not None:
            self.process()

    def remove_from_database(self, environment: Any, dataset: Any) -> None:
        """Remove the guard from the environment's database."""
        if self.database is not None:
            self.database(environment, dataset)

    def check(self) -> None:
        """Raise GuardRemovalError when `remove_from_process` would; nothing is replaced."""
        with _nothing_is_replaced():
            self.remove_from_process()


def replace(owner: Any, name: str, value: Any) -> None:
    """Set ``owner.name`` to ``value`` in this process; ``owner`` is a module, a class or another object.

    Raises GuardRemovalError when ``owner`` has no such name, when only one of the two values is callable, and when
    the signatures differ (annotations apart). A function or class of a module is also replaced in each module of
    the product that has imported it.
    """
    original = _find(owner, name)
    if _signature(original) != _signature(value):
        raise GuardRemovalError(
            f"{_full_name(owner, name)} has the signature {_signature(original)},"
            f" the replacement {_signature(value)}"
        )
    if _Mode.replaces:
        setattr(owner, name, value)
        if isinstance(owner, ModuleType) and callable(original):
            _replace_imports(original, value)


def wrap(owner: Any, name: str, around: Around, *, uses: Sequence[str] = ()) -> None:
    """Replace the function ``owner.name`` by one that calls ``around(call, arguments)``.

    ``arguments`` are those of the call by parameter name, without defaults; ``call(**changes)`` calls the original
    function with them, changed. Raises GuardRemovalError when there is no such function, or when it lacks one of
    the parameters that ``around`` ``uses``.
    """
    original = _find(owner, name)
    signature = inspect.signature(original)
    missing = set(uses) - set(signature.parameters)
    if missing:
        raise GuardRemovalError(f"{_full_name(owner, name)} has no parameter {', '.join(missing)}")

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)

        def call(**changes: Any) -> Any:
            bound.arguments.update(changes)
            return original(*bound.args, **bound.kwargs)

        return around(call, bound.arguments)

    replace(owner, name, replacement)


def replace_text(owner: Any, name: str, old: str, new: str) -> None:
    """Replace a part of the string ``owner.name``; GuardRemovalError when the string does not contain it."""
    text = _find(owner, name)
    if old not in text:
        raise GuardRemovalError(f"{_full_name(owner, name)} does not contain {old!r}")
    replace(owner, name, text.replace(old, new))


def _find(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        raise GuardRemovalError(f"{_full_name(owner, name)} does not exist") from error


def _full_name(owner: Any, name: str) -> str:
    return f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"


def _signature(value: Any) -> inspect.Signature | None:
    """Return the signature without annotations; None for what is not called."""
    if not callable(value):
        return None
    found = inspect.signature(value)
    bare = [first.replace(annotation=first.empty) for first in found.parameters.values()]
    return inspect.Signature(bare)


def _replace_imports(original: Any, value: Any) -> None:
    for module in [found for name, found in sys.modules.items() if _is_product(name)]:
        for name, found in list(vars(module).items()):
            if found is original:
                setattr(module, name, value)


def _is_product(module: str) -> bool:
    return module.partition(".")[0] in PRODUCT


class _Mode:
    replaces = True


@contextlib.contextmanager
def _nothing_is_replaced() -> Iterator[None]:
    _Mode.replaces = False
    try:
        yield
    finally:
        _Mode.replaces = True


def find_guard(proof: str, name: str) -> Guard:
    """Return a guard of a proof by its name on the command line."""
    guard: Guard = importlib.import_module(f"tests.proofs.{proof}").GUARDS[name]
    return guard


def remove_requested_guard() -> None:
    """Remove the guard ``SABOTAGE`` of the proof ``PROOF`` from this process; both are environment variables."""
    name = os.environ.get("SABOTAGE", "")
    if name:
        find_guard(os.environ["PROOF"], name).remove_from_process()
