"""A patient over HTTP: reads pages, presses their buttons, and takes the time that a person needs for a form."""

import html
import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

READING_SECONDS = 3.1
"""A form that is sent sooner counts as a robot's."""
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_APPOINTMENT_TYPE = re.compile(r'name="appointment_type" value="([^"]+)"')
_SLOT = re.compile(r'name="(?:slot|creneau)" value="([^"]+)"')
_NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class PageAnswer:
    """An answer; the status is 0 when there was none."""

    status: int
    location: str = ""
    body: str = ""

    @property
    def token(self) -> str:
        """The token of the page's form, "" without a form."""
        found = _TOKEN.search(self.body)
        return html.unescape(found[1]) if found else ""

    @property
    def appointment_type(self) -> str:
        """The appointment type of the page's form."""
        found = _APPOINTMENT_TYPE.search(self.body)
        return found[1] if found else ""

    @property
    def slots(self) -> list[str]:
        """The values of the buttons of free slots, each once."""
        return list(dict.fromkeys(_SLOT.findall(self.body)))


@dataclass
class Patient:
    """A visitor of one practice, who comes from the network of ``address``."""

    port: int
    host: str
    address: str = "198.51.100.7"
    timeout: float = 15
    cookie: str = ""

    def get(self, path: str) -> PageAnswer:
        """Open a page; of an absolute address only the path and the query are used."""
        return self._send("GET", path)

    def post(self, path: str, fields: Mapping[str, str]) -> PageAnswer:
        """Send a form."""
        return self._send("POST", path, urlencode(fields))

    def _send(self, method: str, path: str, body: str | None = None) -> PageAnswer:
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
            return PageAnswer(got.status, got.headers.get("Location", ""), text)
        except _NO_ANSWER:
            return PageAnswer(0)
        finally:
            connection.close()


@dataclass(frozen=True)
class FilledForm:
    """A form with the person's details; sent several times, it must book once."""

    fields: dict[str, str]
    shown_at: float

    def wait(self) -> None:
        """Wait until READING_SECONDS after the form was shown."""
        time.sleep(max(0.0, self.shown_at + READING_SECONDS - time.monotonic()))


def choose(
    patient: Patient, page: PageAnswer, slot: str, person: Mapping[str, str]
) -> tuple[PageAnswer, FilledForm]:
    """Press the button of a slot of ``page``, follow to its form; return the answer and the form to send next."""
    asked = {"token": page.token, "appointment_type": page.appointment_type, "slot": slot}
    answer = patient.post("/reserver/", asked)
    if answer.status == 303:
        answer = patient.get(answer.location)
    fields = asked | {"token": answer.token} | dict(person)
    return answer, FilledForm(fields, time.monotonic())


def confirm(patient: Patient, form: FilledForm) -> PageAnswer:
    """Send the form; 302 to the page of the booking acknowledges it."""
    return patient.post("/reserver/confirmer/", form.fields)
