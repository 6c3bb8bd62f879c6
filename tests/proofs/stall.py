"""Proof: no attacker makes another practice's pages wait.

An attacker works at one door after the other, at the practice ``one`` and as its owner, while a visitor reads a
page of the practice ``two``. The doors are slow and idle connections, floods of passwords and pictures, and each
route of the practice's addresses with long hostile fields: a new route, password field or file field is a door by
itself.

The attacker runs in a process of its own, with a low priority because it would use another machine, and sends from
one network: what many networks send at once is another attack. On a machine of two cores the scheduler alone
delays a page by more than the quiet 95th percentile, so that a page may always take FLOOR, and a door is measured
again when other programs may have slowed it.
"""

import contextlib
import itertools
import multiprocessing
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace
from tests.proofs.raw_http import CSRF, RawHttpClient, RawRequest

PROOF = "stall"
CONNECTIONS, HASHES, PICTURES, ROUTES = "connections", "hashes", "pictures", "routes"
SECTIONS = (CONNECTIONS, HASHES, PICTURES, ROUTES)
FACTOR, FLOOR = 2.0, 0.25
"""The 95th percentile may be twice that of quiet, and need not be below 0.25 s."""
QUIET_PAGES, MOST_PAGES = 20, 60
SECONDS, TRIES = 2.5, 3
PATIENCE = 3.0
"""How long the visitor waits for a page, in seconds; one that has not come counts with them."""
PAUSE = 0.2
"""Between two requests of one connection: an attacker's requests are dear, not many."""
_FORK = multiprocessing.get_context("fork")
LONG = "1" + " " * 30_000 + "x"


def _receive_in_threads() -> None:
    from gunicorn.workers.gthread import ThreadWorker

    from config.web_worker import WholeRequestWorker

    replace(WholeRequestWorker, "accept", ThreadWorker.accept)


def _admit_everybody(name: str) -> Callable[[], None]:
    def remove() -> None:
        from tenants.concurrency_limit import ConcurrencyLimit

        entered = ConcurrencyLimit.enter

        def enter(self: Any) -> Any:
            return contextlib.nullcontext() if self.name == name else entered(self)

        replace(ConcurrencyLimit, "enter", enter)

    return remove


def _admit_pictures() -> None:
    from config import web_worker

    replace(web_worker, "MOST_PICTURES_SERVED", 1_000)
    _admit_everybody("pictures")()


GUARDS: dict[str, Guard] = {
    "whole_requests": Guard(
        "a request takes a thread when it is whole", (CONNECTIONS,), process=_receive_in_threads
    ),
    "hashing": Guard(
        "two passwords are hashed at once", (HASHES,), process=_admit_everybody("hashing")
    ),
    "pictures": Guard(
        "few pictures have a thread, one is encoded", (PICTURES,), process=_admit_pictures
    ),
}


@dataclass(frozen=True)
class StallDoor:
    """A way to load the product: ``attack`` works until the event is set, in each of ``clients`` threads."""

    section: str
    name: str
    attack: Callable[[Event], None]
    clients: int = 1


class StallRun:
    """The attacker, the visitor of another practice, and the doors."""

    def __init__(self, environment: ProofEnvironment, port: int) -> None:
        from tests.proofs import dataset
        from tests.proofs.garbage import GarbageRun

        self.environment, self.port = environment, port
        self.network = ""
        self.http = RawHttpClient(port, timeout=60)
        self.visitor = RawHttpClient(port, timeout=PATIENCE)
        self.practice = dataset.make_canary_practice(environment, "one")
        self.other = dataset.make_canary_practice(environment, "two")
        garbage = GarbageRun(self.practice, {})
        sender = next(found for found in garbage.senders if found.name == "owner")
        garbage.senders = [sender]
        self.session = garbage.browser(sender).cookies["__Host-session"].value
        self.targets = garbage.targets()

    # --- The visitor ------------------------------------------------------------------------------
    def page(self) -> float:
        """Read a page of the other practice; return the seconds."""
        started = time.perf_counter()
        headers = {"X-Forwarded-For": self.http.network()}
        request = RawRequest("GET", "/", (self.other.host.encode(),), headers)
        try:
            status = self.visitor.send(request).status
        except OSError:
            return PATIENCE
        if status != 200:
            raise RuntimeError(f"the visitor's page answered {status}")
        return time.perf_counter() - started

    def measure(self, door: StallDoor) -> tuple[float, float]:
        """Return the 95th percentile before and during the attack, in seconds."""
        quiet = _p95([self.page() for _ in range(QUIET_PAGES)])
        stop = _FORK.Event()
        self.environment.flush_redis()  # no attempt of an earlier attack counts
        self.network = self.http.network()  # a fresh one each time: one that has failed is limited
        attacker = _FORK.Process(target=self._attack, args=[door, stop], daemon=True)
        attacker.start()
        time.sleep(0.3)
        until = time.perf_counter() + SECONDS
        pages: list[float] = []
        while time.perf_counter() < until and len(pages) < MOST_PAGES:
            pages.append(self.page())
        stop.set()
        attacker.join()
        return quiet, _p95(pages)

    def _attack(self, door: StallDoor, stop: Event) -> None:
        os.nice(10)  # it would have its own machine
        threads = [threading.Thread(target=door.attack, args=[stop]) for _ in range(door.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # --- The doors --------------------------------------------------------------------------------
    def doors(self) -> Iterator[StallDoor]:
        """Yield every door."""
        head = f"POST /connexion/ HTTP/1.1\r\nHost: {self.practice.host}\r\n"
        form = f"{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\nlogin="
        get = f"GET / HTTP/1.1\r\nHost: {self.practice.host}\r\n\r\n"
        for name, text, drip in (
            ("slow bodies", form, b"x"), ("slow heads", head, b"X-A: b\r\n"), ("silent connections", "", b""),
            ("answers that are not read", get, b""),
        ):  # fmt: skip
            yield StallDoor(CONNECTIONS, name, self._connections(text, drip))
        for target in self.targets:
            names = [name for name, _value in target.fields]
            if any("password" in name for name in names):
                yield StallDoor(HASHES, target.template, self._posts(target, self._passwords), 12)
            if "file" in names:
                yield StallDoor(PICTURES, target.template, self._pictures(target), 16)
            yield StallDoor(ROUTES, f"GET {target.template}", self._queries(target))
            if target.fields:
                yield StallDoor(ROUTES, f"POST {target.template}", self._posts(target, self._long))
        yield StallDoor(HASHES, "/connexion/", self._sign_ins, 12)

    def _connections(self, text: str, drip: bytes) -> Callable[[Event], None]:
        def attack(stop: Event) -> None:
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
                    for _ in range(24)
                ]
                for client in clients:
                    client.sendall(text.encode())
                while not stop.wait(0.2):
                    for client in clients if drip else ():
                        with contextlib.suppress(OSError):
                            client.sendall(drip)

        return attack

    def _headers(self, *, is_signed_in: bool = True) -> dict[str, str]:
        session = f"; __Host-session={self.session}" if is_signed_in else ""
        return {
            "Cookie": f"__Host-csrf={CSRF}{session}",
            "X-CSRFToken": CSRF,
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": self.network,
        }

    def _posts(
        self, target: Any, fields: Callable[[Any], dict[str, str]]
    ) -> Callable[[Event], None]:
        def attack(stop: Event) -> None:
            while not stop.is_set():
                form = {"csrfmiddlewaretoken": CSRF, **fields(target)}
                stop.wait(PAUSE)
                self._send(
                    RawRequest("POST", target.paths[0], self._hosts(), self._headers(), form)
                )

        return attack

    def _queries(self, target: Any) -> Callable[[Event], None]:
        def attack(stop: Event) -> None:
            query = "&".join(f"{name}={'9' * 300}" for name, _value in target.fields[:8])
            path = f"{target.paths[0]}?q={'%20' * 300}&{query}"[:4_000]
            while not stop.is_set():
                self._send(RawRequest("GET", path, self._hosts(), self._headers()))

        return attack

    def _sign_ins(self, stop: Event) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            form = {
                "login": f"personne{number}@example.org",
                "password": "x" * 100,
                "csrfmiddlewaretoken": CSRF,
            }
            headers = self._headers(is_signed_in=False)
            stop.wait(PAUSE)
            self._send(RawRequest("POST", "/connexion/", self._hosts(), headers, form))

    def _pictures(self, target: Any) -> Callable[[Event], None]:
        start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        body = start + _png(3_900, 3_900) + b"\r\n--x--\r\n"

        def attack(stop: Event) -> None:
            lines = {
                **self._headers(),
                "Host": self.practice.host,
                "Content-Type": "multipart/form-data; boundary=x",
                "Content-Length": str(len(body)),
            }
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            while not stop.wait(PAUSE):
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", self.port), timeout=60) as client,
                ):
                    client.sendall(f"POST {target.paths[0]} HTTP/1.1\r\n{head}\r\n".encode() + body)
                    while client.recv(65536):
                        pass

        return attack

    def _long(self, target: Any) -> dict[str, str]:
        """Return the usual values, with a long text in two fields: both fit into the longest body."""
        fields = dict(target.fields)
        for name in list(fields)[-1:]:
            fields[name] = LONG.replace(" ", "\t")
        return fields

    def _passwords(self, target: Any) -> dict[str, str]:
        return {
            name: "Galet-dune-marée-48" if "password" in name else value
            for name, value in target.fields
        }

    def _hosts(self) -> tuple[bytes, ...]:
        return (self.practice.host.encode(),)

    def _send(self, request: RawRequest) -> None:
        with contextlib.suppress(OSError):
            self.http.send(request)


def _png(width: int, height: int) -> bytes:
    """Return a PNG of 16 bits with an alpha channel: a few kilobytes that decode to 8 bytes a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + crc

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 6, 0, 0, 0])
    lines = zlib.compress(b"\0" * (height * (1 + 8 * width)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def _p95(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof; with ``sabotage`` only the doors of that guard."""
    guard = GUARDS[sabotage] if sabotage else None
    sections = guard.sections if guard else SECTIONS
    counter = CaseCounter(guard)
    worst: dict[str, str] = {}
    with (
        open_environment(
            proof=PROOF, sabotage=sabotage, GOOGLE_CLIENT_ID="fake-client"
        ) as environment,
        environment.serve(application="tests.proofs.stall_web:application") as web,
    ):
        attacker = StallRun(environment, web.port)
        found = [door for door in attacker.doors() if door.section in sections]
        counter.control(("doors",), failed=len({door.section for door in found}) < len(sections))
        for _ in range(QUIET_PAGES):
            attacker.page()  # each thread has its connection, each page its template
        for door in _some(found) if short else found:
            for _attempt in range(TRIES):
                quiet, attacked = attacker.measure(door)
                is_slow = attacked > max(FACTOR * quiet, FLOOR)
                if not is_slow:
                    break
            seen = f"p95 {quiet * 1000:.0f} ms quiet, {attacked * 1000:.0f} ms attacked"
            if is_slow or door.section != ROUTES:
                worst[f"{door.section} {door.name}"] = seen
            counter.count(door.section, (door.name,), failed=is_slow, seen=seen)
            web.check()
    return counter.report(PROOF, sabotage=sabotage, short=short, doors=len(found), p95=worst)


def _some(doors: list[StallDoor]) -> list[StallDoor]:
    """Return all slow connections, two of the other doors that use a processor, and four routes."""
    found: list[StallDoor] = []
    for section, count in ((CONNECTIONS, 4), (HASHES, 2), (PICTURES, 2), (ROUTES, 4)):
        # The last password door needs no session, so that its attacker is limited by hashing alone.
        of_section = [door for door in doors if door.section == section][::-1]
        found += of_section[:: max(1, -(-len(of_section) // count))]
    return found
