"""The double of Google as a process of its own, spoken to by its control interface."""

import http.client
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from config import processes

REDIRECT = "http://connect.lib-rdv.localhost/google/retour"


@dataclass(frozen=True)
class Double:
    """Where it listens, and what it is told; instants of events are ISO 8601."""

    port: int

    @property
    def base(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what points a process of the product at it."""
        return {
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": REDIRECT,
            "GOOGLE_CONSENT_URL": f"{self.base}/o/oauth2/v2/auth",
            "GOOGLE_API_URL": f"{self.base}/",
            "GOOGLE_OAUTH_URL": f"{self.base}/",
        }

    def order(self, name: str, **fields: Any) -> dict[str, Any]:
        """Tell it to do something; the package's docstring lists what."""
        return self._ask("POST", name, json.dumps(fields))

    def read(self, name: str, **query: str) -> dict[str, Any]:
        """Ask it for what it knows."""
        return self._ask("GET", f"{name}?{urlencode(query)}")

    def injected(self) -> dict[str, int]:
        """Return how often each fault struck."""
        found: dict[str, int] = self.read("counters")["injected"]
        return found

    def fail(self, method: str, *faults: str | Mapping[str, Any]) -> None:
        """Let the next requests of a method go wrong, one after the other."""
        self.order("faults", method=f"calendar.events.{method}", faults=list(faults))

    def events(self, account: str) -> dict[str, list[dict[str, Any]]]:
        """Return what stands in the calendars of an account, by calendar; the main one first."""
        found = self.read("calendars", account=account)["calendars"]
        return {"primary" if one["primary"] else one["id"]: one["events"] for one in found}

    def move(self, account: str, calendar: str, event: str, starts_at: datetime) -> None:
        """Move an event as its practitioner would."""
        self.order(
            "event/move", account=account, calendar=calendar, id=event, start=starts_at.isoformat()
        )

    def delete(self, account: str, calendar: str, event: str) -> None:
        """Delete an event as its practitioner would."""
        self.order("event/delete", account=account, calendar=calendar, id=event)

    def _ask(self, verb: str, name: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(verb, f"/_control/{name}", body)
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the double refused {name}: {said}")
        return said


@contextmanager
def running(folder: Path, *, journal_limit: int = 10_000) -> Iterator[Double]:
    """Run the double until the block ends."""
    port = processes.free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.fakes.google", "--port", str(port)]
    command += ["--redirect", REDIRECT, "--journal-limit", str(journal_limit)]
    environment = {"PYTHONPATH": str(processes.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with processes.Leashed(
        command, environment={**os.environ, **environment}, output=folder / "double.log"
    ):
        if not processes.wait_until(lambda: processes.answers(port), seconds=60):
            raise RuntimeError("the double did not start")
        yield Double(port)
