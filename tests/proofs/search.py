"""The search for a person's data: the spellings of a text, and the places that may contain it."""

import base64
import json
import quopri
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql


def spellings(text: str) -> dict[str, bytes]:
    """Return the spellings of ``text`` by name; of equal ones only the first is listed."""
    raw = text.encode()
    written = {
        "text": raw,
        "lower": text.lower().encode(),
        "upper": text.upper().encode(),
        "latin-1": text.encode("latin-1", "replace"),
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "hex upper": raw.hex().upper().encode(),
        "percent": quote(text, safe="").encode(),
        "percent lower": quote(text, safe="").lower().encode(),
        "quoted-printable": quopri.encodestring(raw).strip(),
        "json": json.dumps(text)[1:-1].encode(),
        **{f"base64 {shift}": _base64(raw, shift) for shift in range(3)},
        **{f"base64url {shift}": _base64(raw, shift, b"-_") for shift in range(3)},
    }
    seen: set[bytes] = set()
    return {
        name: needle
        for name, needle in written.items()
        if not (needle in seen or seen.add(needle))  # type: ignore[func-returns-value]
    }


def _base64(raw: bytes, shift: int, alphabet: bytes = b"+/") -> bytes:
    """Return the part of the encoded text that does not depend on the ``shift`` bytes before it."""
    encoded = base64.b64encode(b"\0" * shift + raw, altchars=alphabet)
    start = -(-shift * 4 // 3)
    return encoded[start : (shift + len(raw)) * 4 // 3]


def rows_of(url: str) -> Iterator[bytes]:
    """Yield each value of each table of each schema, binary values as they are."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT schemaname, tablename FROM pg_tables"
                " WHERE schemaname = 'public' OR schemaname LIKE 't\\_%'"
            )
            for schema, table in cursor.fetchall():
                cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
                for row in cursor:
                    for value in row:
                        yield bytes(value) if isinstance(value, memoryview) else str(value).encode()
    finally:
        connection.close()


def sessions_of(url: str) -> Iterator[bytes]:
    """Yield the decoded sessions of each schema."""
    from django.contrib.sessions.backends.db import SessionStore

    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'django_session'")
            for (schema,) in cursor.fetchall():
                table = sql.Identifier(schema, "django_session")
                cursor.execute(sql.SQL("SELECT session_data FROM {}").format(table))
                for (data,) in cursor.fetchall():
                    yield json.dumps(SessionStore().decode(data), ensure_ascii=False).encode()
    finally:
        connection.close()


def part_of_redis(key: bytes) -> str:
    """Return the part of Redis that a key belongs to: cache, broker or dead letters."""
    if not key.startswith(b"dramatiq:"):
        return "cache"
    return "dead letters" if b".XQ" in key else "broker"


def redis_values(url: str, part: str) -> Iterator[bytes]:
    """Yield each key and value of one part of Redis, in all its databases."""
    import redis

    for number in range(16):
        client = redis.Redis.from_url(_database_of(url, number))
        for key in client.scan_iter(count=1000):
            if part_of_redis(key) == part:
                yield key
                yield from _redis_value(client, key)
        client.close()


def _database_of(url: str, number: int) -> str:
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _redis_value(client: Any, key: bytes) -> Iterator[bytes]:
    kind = client.type(key)
    if kind == b"string":
        yield client.get(key) or b""
    elif kind == b"hash":
        for name, value in client.hgetall(key).items():
            yield from (name, value)
    elif kind == b"list":
        yield from client.lrange(key, 0, -1)
    elif kind == b"set":
        yield from client.smembers(key)
    elif kind == b"zset":
        yield from client.zrange(key, 0, -1)


def files_under(*folders: Path) -> Iterator[bytes]:
    """Yield the name and the content of each file; a file that is deleted meanwhile has no content."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield path.name.encode()
            if path.is_file():
                try:
                    yield path.read_bytes()
                except FileNotFoundError:
                    continue


def unfolded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each text of a mail as it is, and also without the line breaks that may split a word."""
    for piece in pieces:
        yield piece
        yield re.sub(rb"=\r?\n", b"", piece)
        yield re.sub(rb"\r?\n", b"", piece)


def dumped(folder: Path, *, program: str) -> Iterator[bytes]:
    """Yield the SQL of each dump in the folder of a backup, uncompressed."""
    for path in sorted(folder.glob("*.dump")):
        yield subprocess.run(
            [program, "-f", "-", str(path)], check=True, capture_output=True
        ).stdout
