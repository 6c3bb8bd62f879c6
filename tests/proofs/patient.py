"""A patient over HTTP: reads the pages, presses their buttons, waits as long as a person would."""

import html
import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

READING_SECONDS = 3.1
"""A form sent sooner is a robot's."""
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_MOTIF = re.compile(r'name="motif" value="([^"]+)"')
_SLOT = re.compile(r'name="slot" value="([^"]+)"')
_NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    """What came back: 0 when nothing did."""

    status: int
    location: str = ""
    body: str = ""

    @property
    def token(self) -> str:
        """The token of the page's form."""
        found = _TOKEN.search(self.body)
        return html.unescape(found[1]) if found else ""

    @property
    def motif(self) -> str:
        """The motif of the page's form."""
        found = _MOTIF.search(self.body)
        return found[1] if found else ""

    @property
    def slots(self) -> list[str]:
        """The values of the buttons of free slots, once each."""
        return list(dict.fromkeys(_SLOT.findall(self.body)))


@dataclass
class Patient:
    """One visitor of one practice, from a network of their own."""

    port: int
    host: str
    address: str = "198.51.100.7"
    timeout: float = 15
    cookie: str = ""

    def get(self, path: str) -> Answer:
        """Open a page; an absolute address keeps only its path."""
        return self._send("GET", path)

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form."""
        return self._send("POST", path, urlencode(fields))

    def _send(self, method: str, path: str, body: str | None = None) -> Answer:
        parts = urlsplit(path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": self.host, "X-Forwarded-For": self.address, "Connection": "close"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, target, body, headers)
            got = connection.getresponse()
            text = got.read().decode("utf-8", "replace")
            return Answer(got.status, got.headers.get("Location", ""), text)
        except _NO_ANSWER:
            return Answer(0)
        finally:
            connection.close()


@dataclass(frozen=True)
class Form:
    """A form with the person's details, ready to be sent: again and again, it books once."""

    fields: dict[str, str]
    shown_at: float

    def wait(self) -> None:
        """Let the time pass that a person takes to fill it."""
        time.sleep(max(0.0, self.shown_at + READING_SECONDS - time.monotonic()))


def choose(
    patient: Patient, page: Answer, slot: str, person: Mapping[str, str]
) -> tuple[Answer, Form]:
    """Press a slot of ``page``; return the answer and the form to send."""
    asked = {"token": page.token, "motif": page.motif, "slot": slot}
    answer = patient.post("/reserver/", asked)
    fields = asked | {"token": answer.token} | dict(person)
    return answer, Form(fields, time.monotonic())


def confirm(patient: Patient, form: Form) -> Answer:
    """Send the form; 302 to the page of the booking is the acknowledgement."""
    return patient.post("/reserver/confirmer/", form.fields)
