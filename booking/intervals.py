"""Half-open intervals [start, end) of integers: what they cover together and in common.

A pair whose end is not after its start covers nothing. Every result is sorted, and no two of its
intervals touch or overlap.
"""

from collections.abc import Iterable

Interval = tuple[int, int]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Return what ``intervals``, in any order, cover together."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """Return what ``left`` and ``right`` both cover."""
    ones, others = merge(left), merge(right)
    common: list[Interval] = []
    i = j = 0
    while i < len(ones) and j < len(others):
        start = max(ones[i][0], others[j][0])
        end = min(ones[i][1], others[j][1])
        if start < end:
            common.append((start, end))
        if ones[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """Return what ``left`` covers and ``right`` does not."""
    taken = merge(right)
    rest: list[Interval] = []
    for low, end in merge(left):
        start = low
        for taken_from, taken_until in taken:
            if taken_until <= start or taken_from >= end:
                continue
            if taken_from > start:
                rest.append((start, taken_from))
            start = taken_until
        if start < end:
            rest.append((start, end))
    return rest
