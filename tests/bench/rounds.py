"""Alternated rounds: figures of one run on one machine, so that the ratio means something."""

import statistics
import time
from collections.abc import Callable


def alternate(rounds: int, **works: Callable[[], object]) -> dict[str, list[float]]:
    """Run each work once per round, in turning order; return the seconds of each, round by round."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            works[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(ours: list[float], other: list[float]) -> float:
    """Return the median of the ratios of each round: noise of the machine hits both sides of a round."""
    return statistics.median(a / b for a, b in zip(ours, other, strict=True))


def milliseconds(values: list[float]) -> float:
    """Return the median in milliseconds."""
    return round(statistics.median(values) * 1000, 2)
