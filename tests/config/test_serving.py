"""Pages served by gunicorn: no process writes or exports personal data."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tenants.schema import inside, tenant_unit
from tests.conftest import add_tenant, ensure_key, owner_cursor, remove_tenant
from tests.factories import Cabinet

SCHEMA, HOST = "t_served", "served.lib-rdv.localhost"

MARKS = ("Canari", "canari@exemple.fr", "0639980177", "639980177", "jeton-canari-1234")
NAME, MAIL, PHONE, _, TOKEN = MARKS
APEX = "lib-rdv.localhost"


@dataclass
class Served:
    """A running web process and exporter, and the files they write."""

    port: int
    metrics_port: int
    folder: Path

    def send(self, text: str) -> bytes:
        """Send raw bytes as a client would and return the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(text.encode())
            parts = []
            while part := client.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def request(self, line: str, *, host: str, body: str = "", **headers: str) -> bytes:
        """Send a request with canaries in its usual places."""
        lines = [f"{line} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body.encode())}"] if body else []
        return self.send("\r\n".join(lines) + "\r\n\r\n" + body)

    def metrics(self) -> str:
        """Scrape the exporter."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            return str(answer.read().decode())

    def written(self) -> str:
        """Return the content of all logs."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@pytest.fixture(scope="module")
def practice(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Return a committed practice with opening hours, for the served processes."""
    with django_db_blocker.unblock():
        with owner_cursor() as cursor:
            remove_tenant(cursor, schema=SCHEMA)
            add_tenant(cursor, schema=SCHEMA, host=HOST)
        ensure_key(tenant_unit(SCHEMA))
        with inside(tenant_unit(SCHEMA)):
            Cabinet()
        connection.close()
    yield
    with owner_cursor() as cursor:
        remove_tenant(cursor, schema=SCHEMA)


@pytest.fixture(scope="module")
def served(practice: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start gunicorn with two workers, as in production, and the exporter."""
    folder = tmp_path_factory.mktemp("served")
    port, metrics_port = processes.free_port(), processes.free_port()
    environment = {
        "METRICS_DIR": str(folder / "metrics"),
        "METRICS_PORT": str(metrics_port),
        "SECURITY_LOG": str(folder / "security.log"),
    }
    web = processes.web(bind=f"127.0.0.1:{port}", workers=2, threads=2)
    with (
        ManagedProcess(web, environment=environment, output=folder / "web.log"),
        ManagedProcess(
            processes.exporter(), environment=environment, output=folder / "exporter.log"
        ),
    ):
        both = lambda: processes.answers(port) and processes.answers(metrics_port)  # noqa: E731
        assert processes.wait_until(both, seconds=60), (folder / "web.log").read_text()
        yield Served(port, metrics_port, folder)


def test_unfinished_requests_do_not_delay_others(served: Served) -> None:
    """Unfinished requests occupy three of four threads; a process with busy threads accepts no connection."""
    with contextlib.ExitStack() as appointment:
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=20)
            appointment.enter_context(client).sendall(
                f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
            )
        answers = [served.request("GET /", host=HOST) for _ in range(12)]

    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 12


FORM = {"Content_Type": "application/x-www-form-urlencoded"}
BODY = f"first_name={NAME}&email={MAIL}&phone={PHONE}"
PERSONAL_HEADERS = {
    "User_Agent": f"{NAME}/1.0",
    "Referer": f"https://exemple.fr/{MAIL}",
    "Cookie": f"__Host-session={TOKEN}; name={NAME}",
    "X_Request_ID": MAIL,
    "X_Forwarded_For": "192.0.2.77",
    "Origin": f"https://{NAME}.example",
    "Authorization": f"Bearer {TOKEN}",
}


def visit_everything(served: Served) -> None:
    """Send requests with canaries in every part, to every kind of host, well-formed or not."""
    for host in (HOST, APEX, f"{NAME}.example", f"bad_{NAME}!host", "127.0.0.1"):
        for line in (
            f"GET /?email={MAIL}&nom={NAME}",
            f"GET /rdv/{TOKEN}/?tel={PHONE}",
            f"GET /rdv/{TOKEN}/annuler/",
            f"GET /nowhere/{NAME}/{MAIL}",
            f"GET /static/{NAME}.css",
            f"GET /healthz?email={MAIL}",
            f"GET /ask?domain={NAME}.fr",
            f"{NAME.upper()} /",
        ):
            served.request(line, host=host, **PERSONAL_HEADERS)
        for path in ("/", f"/rdv/{TOKEN}/annuler/", "/reserver/confirmer/", "/mes-donnees/"):
            served.request(f"POST {path}", host=host, body=BODY, **FORM, **PERSONAL_HEADERS)
    served.send(f"GET /{NAME} {MAIL} HTTP/9.9\r\n\r\n")
    served.send(f"GET / HTTP/1.1\r\nHost: {APEX}\r\n{NAME} {MAIL}: x\r\n\r\n")
    served.send(f"GET /{MAIL * 400} HTTP/1.1\r\nHost: {APEX}\r\n\r\n")
    served.send(f"POST / HTTP/1.1\r\nHost: {APEX}\r\nTransfer-Encoding: {NAME}\r\n\r\n")
    served.send(f"POST / HTTP/1.1\r\nHost: {APEX}\r\nContent-Length: {NAME}\r\n\r\n")


def test_what_a_visitor_sends_reaches_no_log_and_no_metric(served: Served) -> None:
    visit_everything(served)

    written, exported = served.written(), served.metrics()
    for mark in MARKS:
        assert mark.lower() not in written.lower()
        assert mark.lower() not in exported.lower()
    assert HOST not in written + exported
    assert SCHEMA not in written + exported


def test_every_line_is_json_and_requests_are_logged_by_route(served: Served) -> None:
    served.request(f"GET /rdv/{TOKEN}/", host=HOST)

    lines = [json.loads(line) for line in (served.folder / "web.log").read_text().splitlines()]
    (last,) = [line for line in lines if line.get("route") == "booking:manage"][-1:]
    assert set(last) >= {"time", "level", "event", "request", "tenant", "route", "method", "status"}
    assert last["method"] == "GET"
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "request"}


def test_the_full_address_is_in_the_security_log_only(served: Served) -> None:
    served.request("GET /", host="nobody.example")

    apart = [json.loads(x) for x in (served.folder / "security.log").read_text().splitlines()]
    assert apart[-1]["event"] == "unknown_host"
    assert apart[-1]["address"] == "127.0.0.1"
    assert (served.folder / "security.log").stat().st_mode & 0o777 == 0o600
    web = (served.folder / "web.log").read_text()
    assert "127.0.0.0/24" in web
    assert not re.search(r'"address"', web)


def test_a_request_that_cannot_be_read_is_not_echoed(served: Served) -> None:
    answer = served.send(f"GET /{NAME} {MAIL} HTTP/9.9\r\n\r\n").decode()

    assert answer.startswith("HTTP/1.1 400")
    assert NAME not in answer
    for header in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"):
        assert header in answer


def test_metrics_of_all_workers_are_added_up(served: Served) -> None:
    line = 'librdv_http_requests_total{method="GET",route="booking:privacy",status="2xx"}'

    def count() -> float:
        found = [x for x in served.metrics().splitlines() if x.startswith(line)]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0

    before = count()
    served.request("GET /", host="nobody.example")
    for _ in range(12):
        served.request("GET /confidentialite/", host=HOST)

    assert count() - before == 12
    text = served.metrics()
    for name in (
        "librdv_http_request_seconds_bucket",
        "librdv_refused_total",
        "librdv_promise_kept",
        "librdv_erasures_overdue",
        "librdv_reminders_at_risk",
        "librdv_tenants",
        "librdv_database_connections",
    ):
        assert name in text


def test_the_pages_do_not_serve_the_metrics(served: Served) -> None:
    for host in (HOST, APEX, "127.0.0.1"):
        assert b"librdv_" not in served.request("GET /metrics", host=host)


def test_a_dead_process_frees_its_slot(tmp_path: Path) -> None:
    program = "from tenants import metrics; metrics.ERASED.inc(2)"
    for _ in range(3):
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            env={**os.environ, "METRICS_DIR": str(tmp_path)},
        )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_0.db", "slot-0.lock"]
