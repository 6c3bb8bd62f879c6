"""The DDL template of a tenant schema, generated from the migrations and committed beside this module.

Executing it takes a fraction of the time of migrating; pg_dump shows an identical schema. ``manage.py
make_template`` writes it; a test fails when the migrations differ.
"""

import re
from pathlib import Path

PATH = Path(__file__).with_name("template.sql")
PLACEHOLDER = "__tenant__"
_PREFIX = "-- version: "


def _read() -> tuple[str, str]:
    if not PATH.exists():
        return "", ""
    text = PATH.read_text(encoding="utf-8")
    first, _newline, body = text.partition("\n")
    return first.removeprefix(_PREFIX).strip(), body


CURRENT_VERSION, _BODY = _read()
"""The digest of the migrations that the running code expects in every tenant schema."""


def statements_for(schema: str) -> list[str]:
    """Return the statements of DDL and reference rows for ``schema``, in order.

    Callers send each statement separately: Citus prepares statements and refuses several in one message.
    """
    return split(_BODY.replace(PLACEHOLDER, schema))


def split(body: str) -> list[str]:
    """Return the statements of a pg_dump output; each ends with a semicolon at the end of a line."""
    return [statement for statement in re.split(r"(?<=;)\n", body) if statement.strip()]


def compose(*, version: str, body: str) -> str:
    """Return the content of the template file: a line with the version, then the statements."""
    return f"{_PREFIX}{version}\n{body}"
