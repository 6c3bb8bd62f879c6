"""Control markers, one for each store: they belong to no person, and the search must find them.

They are planted before the erasures and searched for before and after them, by the search that looks for people.
A search that finds no person proves something only in a store where it finds the control marker.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proofs import search

AT_GOOGLE = "Google, without the words of events"
AS_TEXT = frozenset({"text"})
FOLDED = frozenset({"quoted-printable", "base64 0", "base64 1", "base64 2"})
"""The spellings that a line break of a mail may split."""


@dataclass
class PlantedMarker:
    """One marker: its store, and the spellings in which the search must find it there."""

    store: str
    how: str = "planted"
    spellings: frozenset[str] = frozenset()
    marker: str = field(default_factory=lambda: f"Témoin{secrets.token_hex(6)}É")

    def __post_init__(self) -> None:
        self.spellings = self.spellings or frozenset(search.spellings(self.marker))

    @property
    def needles(self) -> dict[tuple[str, ...], bytes]:
        """The bytes that the search looks for, by spelling."""
        written = search.spellings(self.marker)
        return {(name,): written[name] for name in self.spellings}

    @property
    def written(self) -> list[bytes]:
        """The marker in every spelling."""
        return list(search.spellings(self.marker).values())


def plant(
    *,
    environment: Any,
    unit: Any,
    spool: Path,
    temporary: Path,
    plant_at_google: Callable[[str], None] | None,
) -> list[PlantedMarker]:
    """Plant a marker in each store, in each spelling that the store can contain; return the markers."""
    made = [
        _in_file(spool / "control.msg.bad", PlantedMarker("mail spool")),
        _in_folded_mail(spool / "folded.msg.bad", PlantedMarker("mail spool", "folded", FOLDED)),
        _in_file(temporary / "control", PlantedMarker("temporary files")),
        _in_file(environment.logs / "control.log", PlantedMarker("logs")),
        _in_broker(environment, "dramatiq:control", PlantedMarker("broker")),
        _in_broker(environment, "dramatiq:control.XQ", PlantedMarker("dead letters")),
        _in_cache(unit, PlantedMarker("cache")),
        _in_session(unit, PlantedMarker("sessions", spellings=AS_TEXT)),
        *_in_database(environment, unit),
    ]
    if plant_at_google is not None:
        # JSON and addresses, nothing else.
        at_google = PlantedMarker(AT_GOOGLE, spellings=frozenset({"text", "percent"}))
        plant_at_google(at_google.marker)
        made.append(at_google)
    return made


def _in_file(path: Path, control: PlantedMarker) -> PlantedMarker:
    path.write_bytes(b"\n".join(control.written))
    return control


def _in_folded_mail(path: Path, control: PlantedMarker) -> PlantedMarker:
    """Write the marker as in a mail whose line ends in the middle of it."""
    written = search.spellings(control.marker)
    lines = []
    for name in sorted(FOLDED):
        needle = written[name]
        middle = len(needle) // 2
        end = b"=\r\n" if name == "quoted-printable" else b"\r\n"
        lines.append(needle[:middle] + end + needle[middle:])
    path.write_bytes(b"\r\n\r\n".join(lines))
    return control


def _in_broker(environment: Any, key: str, control: PlantedMarker) -> PlantedMarker:
    """Write messages under the keys of a Dramatiq queue that no worker reads."""
    import redis

    client = redis.Redis.from_url(environment.redis_url)
    middle = len(control.written) // 2
    client.hset(
        f"{key}.msgs",
        mapping={str(number): spelling for number, spelling in enumerate(control.written[:middle])},
    )
    client.rpush(key, *control.written[middle:])
    client.close()
    return control


def _in_cache(unit: Any, control: PlantedMarker) -> PlantedMarker:
    from django.core.cache import cache

    from tenants.schema import inside

    with inside(unit):
        for number, spelling in enumerate(control.written):
            cache.set(f"control-{number}", spelling, None)
    return control


def _in_session(unit: Any, control: PlantedMarker) -> PlantedMarker:
    from django.contrib.sessions.backends.db import SessionStore

    from tenants.schema import inside

    with inside(unit):
        session = SessionStore()
        session["control"] = control.marker
        session.save()
    return control


def _in_database(environment: Any, unit: Any) -> Sequence[PlantedMarker]:
    """Fill a table of the practice; dumps and the server's files then contain the marker too."""
    control = PlantedMarker("schemas")
    table = f"{unit.schema}.sentinel_control"
    environment.owner(f"CREATE TABLE {table} (marker text, bytes bytea)")
    for spelling in control.written:
        environment.owner(f"INSERT INTO {table} VALUES (%s, %s)", [control.marker, spelling])
    # A dump writes bytes in hexadecimal.
    dumped = PlantedMarker("dump", spellings=frozenset({"text", "hex"}), marker=control.marker)
    return control, dumped, PlantedMarker("files and log of the database", marker=control.marker)
