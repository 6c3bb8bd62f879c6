"""The table of docs/running.md lists exactly the environment variables that the program reads."""

import ast
import re
from collections.abc import Iterator

from config.devtools import processes
from config.devtools.processes import ROOT

READERS = (
    "config/settings.py",
    "config/gunicorn.py",
    "config/logs.py",
    "tenants/metrics.py",
    "tenants/keyring/keks.py",
)
_NAME = re.compile(r"[A-Z][A-Z0-9_]+")


def read_by(source: str) -> Iterator[str]:
    """Yield the names given first to ``env(...)``, ``env.bool(...)``, ``environ.get(...)`` and the like."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "setdefault":
            continue
        reader = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        name = reader.attr if isinstance(reader, ast.Attribute) else getattr(reader, "id", "")
        if name in {"env", "environ", "environment"}:
            texts = [str(n.value) for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant)]
            yield from (text for text in texts if _NAME.fullmatch(text))


def test_every_variable_is_in_the_table_and_no_other() -> None:
    read = {name for path in READERS for name in read_by((ROOT / path).read_text("utf-8"))}
    rows = re.findall(
        r"^\| `([A-Z_]+)` \|", (ROOT / "docs/running.md").read_text("utf-8"), re.MULTILINE
    )

    assert len(read) > 45
    assert sorted(rows) == sorted(read)


def test_no_other_file_reads_the_environment() -> None:
    """Exceptions are the folder and port of the demonstration and the addresses of its services."""
    allowed = {
        "demo.py",
        "embedded.py",
        "supervisor.py",
        "lockfile.py",
        "bootstrap.py",
        "restore.py",
    }
    readers = {
        path.name
        for room in ("config", "tenants", "booking", "compliance", "billing", "api")
        for path in (ROOT / room).rglob("*.py")
        if list(read_by(path.read_text("utf-8"))) and str(path.relative_to(ROOT)) not in READERS
    }

    assert readers <= allowed


def test_the_systemd_units_of_the_workers_cover_every_queue_once() -> None:
    heard = {
        name: (ROOT / f"docs/systemd/{name}.service").read_text("utf-8").partition("--queues ")[2]
        for name in ("lib-rdv-worker", "lib-rdv-worker-slow")
    }

    assert heard["lib-rdv-worker"].startswith(" ".join((*processes.QUICK_QUEUES, "--processes")))
    assert heard["lib-rdv-worker-slow"].startswith(
        " ".join((*processes.SLOW_QUEUES, "--processes"))
    )


def test_every_unit_is_in_the_table_and_started_with_the_others() -> None:
    folder = ROOT / "docs/systemd"
    units = {path.stem for path in folder.glob("*.service")} - {"lib-rdv-backup"}
    table = (ROOT / "docs/running.md").read_text("utf-8")
    target = (folder / "lib-rdv.target").read_text("utf-8")

    assert {unit for unit in units if f"| `{unit}` |" not in table} == set()
    assert {unit for unit in units if f"{unit}.service" not in target} == set()


def test_the_table_of_promises_names_what_is_answered() -> None:
    from tenants.heartbeat import TOLERANCE

    text = (ROOT / "docs/running.md").read_text("utf-8")
    named = re.findall(r"`(\w+)`", text.split("| promise |")[1].split("\n\n")[0])
    answered = {"erasures", "reminders", "calendars", "tenants", "broker", "database"}
    answered |= {duty.value for duty in TOLERANCE}

    assert answered <= set(named)
