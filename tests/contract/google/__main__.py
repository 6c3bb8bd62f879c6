"""`python -m tests.contract.google`: every check of the contract with its mark, its source and its result.

On the fake server; on a real account when the environment names one (see `place`), and then without what only
the fake server can do. Exit code 1 when a check fails.
"""

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.contract.google.checks import Check, Mark, all_checks
from tests.contract.google.place import Place, on_a_real_account, on_the_fake_server


@contextlib.contextmanager
def _places(*, is_real: bool) -> Iterator[object]:
    if not is_real:
        yield None
        return
    with on_a_real_account() as make:
        yield make


def result(check: Check, make: object) -> str:
    """`ok`, why it was left out, or how it failed."""
    if make is not None and (check.fake_only or check.scopes):
        return "fake only"
    try:
        if callable(make):
            place: Place = make()
            check.body(place)
        else:
            with on_the_fake_server(check.scopes) as place:
                check.body(place)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is reported
        return f"FAILED: {type(error).__name__}: {error}"
    return "ok"


def main() -> int:
    """Run all, print the table, return the exit code."""
    is_real = bool(os.environ.get("GOOGLE_CONTRACT_REFRESH_TOKEN"))
    table = Table("", "about", "claim", "mark", "source", "result", show_lines=False)
    counts: Counter[str] = Counter()
    with _places(is_real=is_real) as make:
        for number, check in enumerate(all_checks(), 1):
            found = result(check, make)
            counts[found.partition(":")[0]] += 1
            counts[check.mark] += 1
            subject = check.subject.removeprefix("on_").replace("_", " ")
            table.add_row(str(number), subject, check.claim, check.mark, check.source, found)
    width = None if sys.stdout.isatty() else 240
    Console(width=width).print(table)
    marks = ", ".join(f"{counts[mark]} {mark}" for mark in Mark)
    where = "a real account" if is_real else "the fake server"
    print(f"On {where}: {counts['ok']} ok, {counts['FAILED']} failed,", end=" ")
    print(f"{counts['fake only']} left out ({marks})")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
