"""Recurrence of busy events: DAILY and WEEKLY with INTERVAL, COUNT, UNTIL, BYDAY, and EXDATE.

Local wall-clock arithmetic: a course at nine stays at nine across a change of clocks.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.fakes.google.errors import Refused

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}


def occurrences(
    first: datetime, lines: Sequence[str], *, until: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """Local starts, from `first` on, before `until` (all without zone); 501 for other rules."""
    excluded = {at for line in lines if line.startswith("EXDATE") for at in _dates(line, zone)}
    rules = [_parts(line) for line in lines if not line.startswith("EXDATE")]
    if len(rules) != 1:
        raise Refused(501, "notImplemented", "One RRULE and EXDATE lines, no more.")
    rule = rules[0]
    end = min(until, _last(rule["UNTIL"], zone)) if "UNTIL" in rule else until
    found = _starts(first, rule, end)
    if "COUNT" in rule:
        found = itertools.islice(found, int(rule["COUNT"]))
    return (at for at in found if at not in excluded)


def check(first: datetime, lines: Sequence[str], zone: ZoneInfo) -> None:
    """Refuse what `occurrences` cannot expand."""
    list(occurrences(first, lines, until=first + timedelta(days=14), zone=zone))


def _starts(first: datetime, rule: dict[str, str], end: datetime) -> Iterator[datetime]:
    interval = int(rule.get("INTERVAL", "1"))
    days = sorted(_DAYS.index(name) for name in rule.get("BYDAY", "").split(",") if name)
    if rule["FREQ"] == "DAILY":
        found = (at for at in _every(first, interval, end) if not days or at.weekday() in days)
    else:
        monday = first - timedelta(days=first.weekday())
        found = (
            week + timedelta(days=day)
            for week in _every(monday, 7 * interval, end)
            for day in days or [first.weekday()]
        )
    return (at for at in found if first <= at < end)


def _every(at: datetime, days: int, end: datetime) -> Iterator[datetime]:
    while at < end:
        yield at
        at += timedelta(days=days)


def _parts(line: str) -> dict[str, str]:
    name, _, text = line.partition(":")
    parts = dict(pair.partition("=")[::2] for pair in text.split(";"))
    if name != "RRULE" or not parts.get("FREQ"):
        raise Refused(400, "invalid", "Invalid recurrence rule.", location="recurrence")
    days = set(filter(None, parts.get("BYDAY", "").split(",")))
    if set(parts) - _KNOWN or parts["FREQ"] not in {"DAILY", "WEEKLY"} or days - set(_DAYS):
        raise Refused(501, "notImplemented", "Only simple DAILY and WEEKLY rules.")
    if not all(re.fullmatch(r"[1-9]\d{0,3}", parts.get(key, "1")) for key in ("INTERVAL", "COUNT")):
        raise Refused(400, "invalid", "Invalid recurrence rule.", location="recurrence")
    return parts


def _dates(line: str, zone: ZoneInfo) -> list[datetime]:
    return [_local(text, zone) for text in line.partition(":")[2].split(",")]


def _last(text: str, zone: ZoneInfo) -> datetime:
    """Where UNTIL ends, excluded: the last start, or the last day, counts."""
    return _local(text, zone) + (timedelta(days=1) if len(text) == 8 else timedelta(seconds=1))


def _local(text: str, zone: ZoneInfo) -> datetime:
    form = "%Y%m%d" if len(text) == 8 else "%Y%m%dT%H%M%S"
    try:
        at = datetime.strptime(text.removesuffix("Z"), form)  # noqa: DTZ007  # local, see the module
    except ValueError:
        raise Refused(400, "invalid", "Invalid recurrence rule.", location="recurrence") from None
    if text.endswith("Z"):
        return at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    return at
