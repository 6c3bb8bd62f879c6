"""Functions of intervals, compared with sets of integers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.rules.opening_hours import (
    Interval,
    intersect,
    merge,
    subtract,
)

lists = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), max_size=8)


def points(intervals: list[Interval]) -> set[int]:
    return {point for start, end in intervals for point in range(start, end)}


def is_canonical(intervals: list[Interval]) -> bool:
    nonempty = all(start < end for start, end in intervals)
    apart = all(left[1] < right[0] for left, right in pairwise(intervals))
    return nonempty and apart


@given(lists)
def test_merging_covers_the_same_points(intervals: list[Interval]) -> None:
    merged = merge(intervals)

    assert points(merged) == points(intervals)
    assert is_canonical(merged)


@given(lists, lists)
def test_intersecting_keeps_the_common_points(left: list[Interval], right: list[Interval]) -> None:
    common = intersect(left, right)

    assert points(common) == points(left) & points(right)
    assert is_canonical(common)


@pytest.mark.parametrize(
    ("intervals", "merged"),
    [
        ([], []),
        ([(5, 5), (7, 3)], []),
        ([(1, 2), (2, 3)], [(1, 3)]),
        ([(4, 6), (1, 2)], [(1, 2), (4, 6)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
    ],
)
def test_merging_by_example(intervals: list[Interval], merged: list[Interval]) -> None:
    assert merge(intervals) == merged


@given(lists, lists)
def test_what_is_subtracted_is_not_covered_any_more(
    left: list[Interval], right: list[Interval]
) -> None:
    rest = subtract(left, right)

    assert points(rest) == points(left) - points(right)
    assert is_canonical(rest)
