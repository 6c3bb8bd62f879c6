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

from tests.proofs.counter import CaseCounter, print_line
from tests.proofs.environment import open_environment

NAME = "contention"
CLIENTS, SLOTS = 50, 10
WORST = 1.0


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    rounds = 1 if short else 4
    with open_environment() as environment, environment.serve(workers=2) as served:
        from tests.proofs.race_rounds import RaceRun

        race = RaceRun(environment, CaseCounter(), served)
        _protected(race)  # warm: each thread has its connection, each page its template
        race.seconds.clear()
        protected = [_protected(race) for _ in range(rounds)]
        bare = [_unprotected(race) for _ in range(rounds)]
        overlaps = sum(found for _rate, found in protected) + race.overlaps()
        errors = sum(count for status, count in race.statuses.items() if status >= 500)
        worst = max(race.seconds)
    rate = sum(rate for rate, _ in protected) / rounds
    peer = sum(rate for rate, _ in bare) / rounds
    return {
        "bench": NAME,
        "overlaps": overlaps,
        "errors_5xx": errors,
        "worst_ms": round(worst * 1000),
        "attempts_per_s": round(rate, 1),
        "ratio_to_unprotected": round(rate / peer, 4),
        "overlaps_unprotected": sum(found for _rate, found in bare),
        "ok": overlaps == 0 and errors == 0 and worst < WORST,
    }


def _protected(race: Any) -> tuple[float, int]:
    slots = race.new_slots(SLOTS)

    def send(client: int) -> None:
        turn = random.Random(client)
        for slot in slots:
            form = race.choice_form(slot, turn, uuid.uuid4(), "details") | race.details()
            race.post("book", reverse("booking:confirm"), form)

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, range(CLIENTS)))
    rate = CLIENTS * SLOTS / (time.perf_counter() - start)
    return rate, sum(race.occupying(slot) != 1 for slot in slots)


def _unprotected(race: Any) -> tuple[float, int]:
    """Look whether the slot is free, then insert: what the field does."""
    table = f'"{race.schema}".bench_unprotected'
    race.environment.owner(f"DROP TABLE IF EXISTS {table}")
    race.environment.owner(f"CREATE TABLE {table} (slot int, client int)")

    def send(client: int) -> None:
        with closing(psycopg2.connect(race.environment.owner_url)) as raw:
            for slot in range(SLOTS):
                with raw, raw.cursor() as cursor:
                    cursor.execute(f"SELECT 1 FROM {table} WHERE slot = %s", [slot])
                    if cursor.fetchone() is None:
                        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", [slot, client])

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, range(CLIENTS)))
    rate = CLIENTS * SLOTS / (time.perf_counter() - start)
    taken = Counter(
        itertools.chain.from_iterable(race.environment.owner(f"SELECT slot FROM {table}"))
    )
    race.environment.owner(f"DROP TABLE {table}")
    return rate, sum(count - 1 for count in taken.values())


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
