"""Other programs' readers of calendar files: icalendar, vobject, and ical.js (Thunderbird, Nextcloud).

ical.js runs in the node that comes with the wheel of Playwright. ``ical.es5.min.cjs`` is the file of the npm
package ical.js 2.2.1, unchanged, under the MPL-2.0 (``LICENSE.ical.js``); its source is that package's.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import icalendar
import vobject
from playwright._impl._driver import compute_driver_executable

Instants = dict[str, tuple[datetime, datetime]]
"""Start and end of each event by its UID, in UTC."""
Reader = Callable[[Sequence[bytes]], Instants]
_SCRIPT = Path(__file__).parent / "read.cjs"


def by_icalendar(files: Sequence[bytes], *, by_name: bool = True) -> Instants:
    """Read the events of files; ``by_name`` False ignores that the name of the zone is known."""
    found: Instants = {}
    for file in files:
        calendar: Any = icalendar.Calendar.from_ical(file)
        zones = {
            str(part["tzid"]): part.to_tz(lookup_tzid=False) for part in calendar.walk("VTIMEZONE")
        }
        for event in calendar.walk("VEVENT"):
            found[str(event["uid"])] = (
                _instant(event["dtstart"], {} if by_name else zones),
                _instant(event["dtend"], {} if by_name else zones),
            )
    return found


def _instant(stamp: Any, zones: dict[str, Any]) -> datetime:
    moment: datetime = stamp.dt
    zone = zones.get(str(stamp.params.get("TZID", "")))
    return (moment.replace(tzinfo=zone) if zone else moment).astimezone(UTC)


def by_vobject(files: Sequence[bytes]) -> Instants:
    """Read the events of files in one process; vobject keeps the first zone that it has read under a name."""
    return {
        event.uid.value: (
            event.dtstart.value.astimezone(UTC),
            event.dtend.value.astimezone(UTC),
        )
        for file in files
        for calendar in vobject.readComponents(file.decode())
        for event in calendar.contents.get("vevent", [])
    }


def by_ical_js(files: Sequence[bytes]) -> Instants:
    """Read the events of files with ical.js, which knows no zone by its name."""
    node, _cli = compute_driver_executable()
    answer = subprocess.run(
        [node, str(_SCRIPT)],
        input=json.dumps([file.decode() for file in files]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return {
        uid: (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
        for uid, start, end in json.loads(answer.stdout)
    }


READERS: dict[str, Reader] = {
    "icalendar, by the name of the zone": by_icalendar,
    "icalendar, by the rules in the file": partial(by_icalendar, by_name=False),
    "vobject": by_vobject,
    "ical.js": by_ical_js,
}
