"""Markers of nobody, one for each place that is searched: silence proves something where they are found.

They are planted before anything is erased, and looked for then and again after the erasure, by the search
that looks for people.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proofs import searching

OUTSIDE = "Google, but for the words of its events"
AS_TEXT = frozenset({"text"})
FOLDED = frozenset({"quoted-printable", "base64 0", "base64 1", "base64 2"})
"""What the lines of a mail may break in the middle of a word."""


@dataclass
class Control:
    """One marker: where it lies, and the spellings in which it must be found there."""

    store: str
    how: str = "planted"
    wanted: frozenset[str] = frozenset()
    marker: str = field(default_factory=lambda: f"Témoin{secrets.token_hex(6)}É")

    def __post_init__(self) -> None:
        self.wanted = self.wanted or frozenset(searching.spellings(self.marker))

    @property
    def needles(self) -> dict[tuple[str, ...], bytes]:
        """What the search looks for."""
        written = searching.spellings(self.marker)
        return {(name,): written[name] for name in self.wanted}

    @property
    def written(self) -> list[bytes]:
        """The marker in every spelling."""
        return list(searching.spellings(self.marker).values())


def plant(
    *,
    stage: Any,
    unit: Any,
    spool: Path,
    temporary: Path,
    tell_google: Callable[[str], None] | None,
) -> list[Control]:
    """Plant a marker of its own in each place, in every spelling that it takes; return them all."""
    made = [
        _in_file(spool / "control.msg.bad", Control("mail spool")),
        _in_folded_mail(spool / "folded.msg.bad", Control("mail spool", "folded", FOLDED)),
        _in_file(temporary / "control", Control("temporary files")),
        _in_file(stage.logs / "control.log", Control("logs")),
        _in_broker(stage, "dramatiq:control", Control("broker")),
        _in_broker(stage, "dramatiq:control.XQ", Control("dead letters")),
        _in_cache(unit, Control("cache")),
        _in_session(unit, Control("sessions", wanted=AS_TEXT)),
        *_in_database(stage, unit),
    ]
    if tell_google is not None:
        # JSON and addresses, nothing else.
        told = Control(OUTSIDE, wanted=frozenset({"text", "percent"}))
        tell_google(told.marker)
        made.append(told)
    return made


def _in_file(path: Path, control: Control) -> Control:
    path.write_bytes(b"\n".join(control.written))
    return control


def _in_folded_mail(path: Path, control: Control) -> Control:
    """Write the marker as a mail does that ends its line in the middle of it."""
    written = searching.spellings(control.marker)
    lines = []
    for name in sorted(FOLDED):
        needle = written[name]
        middle = len(needle) // 2
        end = b"=\r\n" if name == "quoted-printable" else b"\r\n"
        lines.append(needle[:middle] + end + needle[middle:])
    path.write_bytes(b"\r\n\r\n".join(lines))
    return control


def _in_broker(stage: Any, key: str, control: Control) -> Control:
    """Lay messages where Dramatiq keeps them: the names of a queue no worker listens to."""
    import redis

    client = redis.Redis.from_url(stage.redis_url)
    middle = len(control.written) // 2
    client.hset(
        f"{key}.msgs",
        mapping={str(number): said for number, said in enumerate(control.written[:middle])},
    )
    client.rpush(key, *control.written[middle:])
    client.close()
    return control


def _in_cache(unit: Any, control: Control) -> Control:
    from django.core.cache import cache

    from tenants.schema import inside

    with inside(unit):
        for number, said in enumerate(control.written):
            cache.set(f"control-{number}", said, None)
    return control


def _in_session(unit: Any, control: Control) -> Control:
    from django.contrib.sessions.backends.db import SessionStore

    from tenants.schema import inside

    with inside(unit):
        session = SessionStore()
        session["control"] = control.marker
        session.save()
    return control


def _in_database(stage: Any, unit: Any) -> Sequence[Control]:
    """Fill a table of the practice; the dumps and the files of the server hold it too."""
    control = Control("schemas")
    table = f"{unit.schema}.sentinel_control"
    stage.owner(f"CREATE TABLE {table} (said text, bytes bytea)")
    for said in control.written:
        stage.owner(f"INSERT INTO {table} VALUES (%s, %s)", [control.marker, said])
    # A dump writes bytes in hexadecimal.
    dumped = Control("dump", wanted=frozenset({"text", "hex"}), marker=control.marker)
    return control, dumped, Control("files and log of the database", marker=control.marker)
