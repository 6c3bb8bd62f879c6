"""The practice page with its slots, warm: against the same view and template without any wall.

Both are served by gunicorn from the same tables; rounds alternate between the two.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.rounds import alternate, ratio
from tests.proofs.counter import print_line
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.raw_http import RawHttpClient, RawRequest

NAME = "request"
LEAST_TO_LIMIT = 0.9
HOST = "vitrine.lib-rdv.localhost"
CLIENTS = 4
_TARGET = "/"


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    with open_environment() as environment:
        unit = _make_practice(environment)
        counts = _counts()
        plain = {
            "DJANGO_SETTINGS_MODULE": "tests.bench.plain_settings",
            "PLAIN_SCHEMA": unit.schema,
            "DATABASE_URL": environment.owner_url,
        }
        with environment.serve(workers=1, threads=4) as ours:
            kept, environment.variables = environment.variables, environment.variables | plain
            with environment.serve(
                workers=1, threads=4, application="tests.bench.plain:application"
            ) as bare:
                environment.variables = kept
                wires = {"ours": RawHttpClient(ours.port), "plain": RawHttpClient(bare.port)}
                seconds, times = _race(wires, short=short)
    to_limit = ratio(seconds["plain"], seconds["ours"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        **counts,
        "ms": round(statistics.median(times["ours"]) * 1000, 2),
        "ms_plain": round(statistics.median(times["plain"]) * 1000, 2),
        "requests_per_s": round(len(times["ours"]) / sum(seconds["ours"])),
        "rounds": len(seconds["ours"]),
        "ok": to_limit >= LEAST_TO_LIMIT and counts["lookups"] == 0 and counts["sets"] == 1,
    }


def _make_practice(environment: ProofEnvironment) -> Any:
    from tenants.schema import inside
    from tests import factories

    unit = environment.add_tenant(HOST)
    with inside(unit):
        cabinet = factories.Cabinet()
        now = datetime.now(UTC)
        start = now.replace(hour=10, minute=0, second=0, microsecond=0)
        for day in range(3, 33):
            at = start + timedelta(days=day)
            factories.make_appointment(cabinet, at, now=now)
    return unit


def _counts() -> dict[str, float]:
    """Count, in this process, what one warm request asks of the router and of PostgreSQL."""
    from django.db import connection
    from django.test import Client

    from tenants import routing
    from tenants.database.base import DatabaseWrapper

    entered = []
    enter = DatabaseWrapper.enter

    def counted(self: Any) -> None:
        entered.append(1)
        enter(self)

    client = Client(headers={"host": HOST})
    assert client.get(_TARGET).status_code == 200
    setattr(DatabaseWrapper, "enter", counted)  # noqa: B010  # counting, for this bench only
    before, many = routing.cache.lookups, 20
    ran: list[str] = []

    def note(execute: Any, statement: str, *rest: Any) -> Any:
        ran.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        for _time in range(many):
            client.get(_TARGET)
    setattr(DatabaseWrapper, "enter", enter)  # noqa: B010
    return {
        "lookups": (routing.cache.lookups - before) / many,
        "sets": len(entered) / many,
        "queries": len(ran) / many,
    }


def _race(
    wires: dict[str, RawHttpClient], *, short: bool
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    times: dict[str, list[float]] = {name: [] for name in wires}
    many = 40 if short else 160
    with ThreadPoolExecutor(CLIENTS) as pool:

        def load(name: str) -> None:
            def request(_number: int) -> float:
                network = {"X-Forwarded-For": wires[name].network()}
                start = time.perf_counter()
                answer = wires[name].send(RawRequest("GET", _TARGET, (HOST.encode(),), network))
                assert answer.status == 200, answer.status
                return time.perf_counter() - start

            times[name] += pool.map(request, range(many))

        for name in wires:
            load(name)
        for taken in times.values():
            taken.clear()
        seconds = alternate(
            4 if short else 15, ours=lambda: load("ours"), plain=lambda: load("plain")
        )
    return seconds, times


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
