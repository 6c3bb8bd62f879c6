"""The fake Google server as a process of its own, used through its control interface."""

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

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess

REDIRECT = "http://connect.lib-rdv.localhost/google/retour"


@dataclass(frozen=True)
class FakeGoogle:
    """A client of the control interface (tests.fakes.google lists the commands); instants are ISO 8601."""

    port: int

    @property
    def base(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """Return the environment variables with which a process of the product uses this server as Google."""
        return {
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": REDIRECT,
            "GOOGLE_CONSENT_URL": f"{self.base}/o/oauth2/v2/auth",
            "GOOGLE_API_URL": f"{self.base}/",
            "GOOGLE_OAUTH_URL": f"{self.base}/",
        }

    def command(self, name: str, **fields: Any) -> dict[str, Any]:
        """Send a command; RuntimeError when the server refuses it."""
        return self._request("POST", name, json.dumps(fields))

    def read(self, name: str, **query: str) -> dict[str, Any]:
        """Read a part of the server's state: ``journal``, ``counters`` or ``calendars``."""
        return self._request("GET", f"{name}?{urlencode(query)}")

    def injected(self) -> dict[str, int]:
        """Return how often each fault has occurred."""
        found: dict[str, int] = self.read("counters")["injected"]
        return found

    def fail(self, method: str, *faults: str | Mapping[str, Any]) -> None:
        """Let the next requests of a method of ``calendar.events`` fail, one fault for each."""
        self.command("faults", method=f"calendar.events.{method}", faults=list(faults))

    def events(self, account: str) -> dict[str, list[dict[str, Any]]]:
        """Return the events of an account by calendar, the main calendar first."""
        calendars = self.read("calendars", account=account)["calendars"]
        return {
            "primary" if calendar["primary"] else calendar["id"]: calendar["events"]
            for calendar in calendars
        }

    def move(self, account: str, calendar: str, event: str, starts_at: datetime) -> None:
        """Move an event as the practitioner would, in Google's own pages."""
        self.command(
            "event/move", account=account, calendar=calendar, id=event, start=starts_at.isoformat()
        )

    def delete(self, account: str, calendar: str, event: str) -> None:
        """Delete an event as the practitioner would, in Google's own pages."""
        self.command("event/delete", account=account, calendar=calendar, id=event)

    def _request(self, verb: str, name: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(verb, f"/_control/{name}", body)
            answer = connection.getresponse()
            content: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the fake Google server refused {name}: {content}")
        return content


@contextmanager
def run_fake_google(folder: Path, *, journal_limit: int = 10_000) -> Iterator[FakeGoogle]:
    """Run the server until the block ends; its log lies in ``folder``."""
    port = processes.free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.fakes.google", "--port", str(port)]
    command += ["--redirect", REDIRECT, "--journal-limit", str(journal_limit)]
    variables = {"PYTHONPATH": str(processes.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with ManagedProcess(
        command, environment={**os.environ, **variables}, output=folder / "fake-google.log"
    ):
        if not processes.wait_until(lambda: processes.answers(port), seconds=60):
            raise RuntimeError("the fake Google server did not start")
        yield FakeGoogle(port)
