"""The benchmark of bookings calls two modes equal only when they differ less than their own rounds."""

from typing import Any

import pytest

from tests.bench import google
from tests.bench.google import AT_ONCE, HOLE, MODES, REFUSES, Rounds


def rounds_of(p95: dict[str, list[float]]) -> Rounds:
    """Return rounds without any other failure."""
    nothing: Any = None
    waiting = dict.fromkeys(MODES, 0) | {REFUSES: 9, HOLE: 9}
    return Rounds(
        nothing, nothing, nothing, nothing, nothing, p95=p95, waiting=waiting, pushes=[0.1] * 20
    )


@pytest.mark.parametrize(("slower", "is_equal"), [(0.0004, True), (0.003, False)])
def test_a_difference_within_five_percent_is_no_excuse(slower: float, is_equal: bool) -> None:
    alike = [0.1, 0.1005, 0.101, 0.1015, 0.102]
    p95 = {mode: list(alike) for mode in MODES}
    p95[HOLE] = [seconds + slower for seconds in alike]

    trap = google.Trap()
    line = google._line(rounds_of(p95), trap, 5)
    trap.close()

    assert line["difference_ms"] < 0.05 * line["p95_ms"][AT_ONCE]
    assert line["ok"] is is_equal
