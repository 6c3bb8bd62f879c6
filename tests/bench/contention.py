"""Fifty clients on ten slots: no double, how long the slowest waits, and what the protection costs.

The peer is check-then-insert without lock or constraint, over as many bare connections.
"""

import itertools
import random
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg2
from django.urls import reverse

from tests.proofs.stage import set_stage
from tests.proofs.tally import Tally, print_line

NAME = "contention"
CLIENTS, SLOTS = 50, 10
WORST = 1.0


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    rounds = 1 if short else 4
    with set_stage() as stage, stage.serve(workers=2) as served:
        from tests.proofs.race_rounds import Course

        course = Course(stage, Tally(), served)
        _protected(course)  # warm: each thread has its connection, each page its template
        course.seconds.clear()
        protected = [_protected(course) for _ in range(rounds)]
        bare = [_unprotected(course) for _ in range(rounds)]
        doubles = sum(found for _rate, found in protected) + course.overlaps()
        errors = sum(count for status, count in course.statuses.items() if status >= 500)
        worst = max(course.seconds)
    rate = sum(rate for rate, _ in protected) / rounds
    peer = sum(rate for rate, _ in bare) / rounds
    return {
        "bench": NAME,
        "doubles": doubles,
        "errors_5xx": errors,
        "worst_ms": round(worst * 1000),
        "attempts_per_s": round(rate, 1),
        "ratio_to_unprotected": round(rate / peer, 4),
        "doubles_unprotected": sum(found for _rate, found in bare),
        "ok": doubles == 0 and errors == 0 and worst < WORST,
    }


def _protected(course: Any) -> tuple[float, int]:
    slots = course.new_slots(SLOTS)

    def one(client: int) -> None:
        turn = random.Random(client)
        for slot in slots:
            form = course.choice_form(slot, turn, uuid.uuid4(), "details") | course.details()
            course.post("book", reverse("booking:confirm"), form)

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(CLIENTS)))
    rate = CLIENTS * SLOTS / (time.perf_counter() - start)
    return rate, sum(course.occupying(slot) != 1 for slot in slots)


def _unprotected(course: Any) -> tuple[float, int]:
    """Look whether the slot is free, then insert: what the field does."""
    table = f'"{course.schema}".bench_unprotected'
    course.stage.owner(f"DROP TABLE IF EXISTS {table}")
    course.stage.owner(f"CREATE TABLE {table} (slot int, client int)")

    def one(client: int) -> None:
        with closing(psycopg2.connect(course.stage.owner_url)) as raw:
            for slot in range(SLOTS):
                with raw, raw.cursor() as cursor:
                    cursor.execute(f"SELECT 1 FROM {table} WHERE slot = %s", [slot])
                    if cursor.fetchone() is None:
                        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", [slot, client])

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(CLIENTS)))
    rate = CLIENTS * SLOTS / (time.perf_counter() - start)
    taken = Counter(itertools.chain.from_iterable(course.stage.owner(f"SELECT slot FROM {table}")))
    course.stage.owner(f"DROP TABLE {table}")
    return rate, sum(count - 1 for count in taken.values())


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
