"""Brevo's interface over loopback: transactional mail and SMS, as its reference describes them.

Every request is validated against the published contract and refused as Brevo refuses it. Faults can
be injected: an answer lost after the message was taken, an error before it, a throttled answer;
`on_taken` is called between taking and answering.

Run alone (`python -m tests.fakes.brevo --port 2580 --spool folder`) it serves the demonstration.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

API_KEY = "xkeysib-fake"
KEY_SECONDS = 15 * 60.0
"""How long an idempotency key is remembered: 15 minutes in the changelog, 30 in the guide."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAIL_FIELDS = {
    "sender", "to", "cc", "bcc", "htmlContent", "textContent", "subject", "replyTo", "attachment",
    "headers", "templateId", "params", "messageVersions", "tags", "scheduledAt", "batchId",
    "preheader",
}  # fmt: skip
_SMS_FIELDS = {
    "sender", "recipient", "content", "type", "tag", "webUrl", "unicodeEnabled",
    "organisationPrefix", "templateId",
}  # fmt: skip


class Refused(Exception):  # an answer, not an error
    """An answer with one of Brevo's error codes."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Taken:
    """One message that Brevo accepted."""

    channel: str
    body: dict[str, Any]
    message_id: str
    tags: tuple[str, ...]
    at: float


@dataclass
class Brevo:
    """What Brevo holds. `honours_keys=False` is the sabotage of the idempotency key.

    `report_after` is how long a taken message stays absent from the reports, in seconds.
    """

    honours_keys: bool = True
    report_after: float = 0.0
    spool: Path | None = None
    clock: Callable[[], float] = time.monotonic
    taken: list[Taken] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)
    fault_every: dict[str, int] = field(default_factory=dict)
    delay: float = 0.0
    delay_answer: float = 0.0
    on_taken: Callable[[], None] | None = None
    bounced: set[str] = field(default_factory=set)
    """The addresses whose mails come back after they were taken."""
    _keys: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _posts: int = 0

    def mails(self) -> list[Taken]:
        """The mails it would deliver."""
        return [item for item in self.taken if item.channel == "mail"]

    def sms(self) -> list[Taken]:
        """The SMS it would deliver."""
        return [item for item in self.taken if item.channel == "sms"]

    def next_fault(self) -> str:
        """What goes wrong with this request: the queue first, then every n-th."""
        with self._lock:
            self._posts += 1
            if self.faults:
                return self.faults.popleft()
            for fault, every in self.fault_every.items():
                if self._posts % every == 0:
                    return fault
        return ""

    def send_mail(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v3/smtp/email."""
        _validate_mail(body)
        key = body.get("headers", {}).get("idempotencyKey", "")
        taken = self._take("mail", body, tuple(body.get("tags", ())), key)
        return {"messageId": taken.message_id}

    def send_sms(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v3/transactionalSMS/send."""
        _validate_sms(body)
        tag = body.get("tag", ())
        taken = self._take("sms", body, (tag,) if isinstance(tag, str) else tuple(tag), "")
        return {"messageId": int(taken.message_id, 16) % 10**16}

    def events(self, channel: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """GET .../statistics/events, filtered by a serialized array of tags."""
        tags = json.loads(query.get("tags", ["[]"])[0])
        if not isinstance(tags, list):
            raise Refused(400, "invalid_parameter", "tags is not an array")
        event = query.get("event", ["requests"])[0]
        if event not in {"requests", "hardBounces", "invalid", "blocked"}:
            raise Refused(400, "invalid_parameter", "event")
        before = self.clock() - self.report_after
        with self._lock:
            found = [
                {"event": event, "messageId": item.message_id, "tag": ",".join(item.tags)}
                for item in self.taken
                if item.channel == channel
                and item.at <= before
                and set(tags) <= set(item.tags)
                and (event == "requests" or (event == "hardBounces" and self._comes_back(item)))
            ]
        return {"events": found} if found else {}

    def _comes_back(self, item: Taken) -> bool:
        return any(person.get("email") in self.bounced for person in item.body.get("to", ()))

    def _take(self, channel: str, body: dict[str, Any], tags: tuple[str, ...], key: str) -> Taken:
        with self._lock:
            now = self.clock()
            if key and self.honours_keys:
                if now - self._keys.get(key, float("-inf")) < KEY_SECONDS:
                    raise Refused(400, "duplicate_parameter", "idempotencyKey is already used")
                self._keys[key] = now
            number = f"{len(self.taken) + 1:012x}"
            taken = Taken(channel, body, number, tags, now)
            self.taken.append(taken)
        if self.spool is not None and channel == "sms":
            _write_to_spool(self.spool, body, number)
        if self.on_taken is not None:
            self.on_taken()
        return taken


def _write_to_spool(spool: Path, body: dict[str, Any], number: str) -> None:
    """Lay an SMS beside the mails of the demonstration, as a mail without layout."""
    now = datetime.now(UTC)
    message = EmailMessage()
    message["Subject"] = f"SMS : {body['content'][:40]}…"
    message["From"], message["To"] = body["sender"], f"+{body['recipient']}"
    message["Date"] = now
    message.set_content(body["content"])
    spool.mkdir(parents=True, exist_ok=True)
    name = f"{now:%Y%m%dT%H%M%S.%f}-s{number[-5:]}"
    partial = spool / f".{name}"
    partial.write_bytes(message.as_bytes())
    partial.rename(spool / f"{name}.eml")  # a reader sees it whole or not at all


def _need(condition: object, code: str, message: str) -> None:
    if not condition:
        raise Refused(400, code, message)


def _validate_person(value: object, name: str) -> None:
    _need(
        isinstance(value, dict) and set(value) <= {"email", "name", "id"}, "invalid_parameter", name
    )
    assert isinstance(value, dict)
    _need(_ADDRESS.fullmatch(value.get("email", "")), "invalid_parameter", f"{name}: email")
    _need(len(value.get("name", "x")) in range(1, 71), "invalid_parameter", f"{name}: name")


def _validate_mail(body: dict[str, Any]) -> None:
    _need(set(body) <= _MAIL_FIELDS, "invalid_parameter", "unknown field")
    _need("sender" in body, "missing_parameter", "sender is missing")
    _validate_person(body["sender"], "sender")
    _need(isinstance(body.get("to"), list) and body["to"], "missing_parameter", "to is missing")
    for person in body["to"]:
        _validate_person(person, "to")
    if "replyTo" in body:
        _validate_person(body["replyTo"], "replyTo")
    _need(body.get("subject"), "missing_parameter", "subject is missing")
    _need(body.get("htmlContent") or body.get("textContent"), "missing_parameter", "no content")
    _validate_headers(body.get("headers", {}))
    tags = body.get("tags", [])
    _need(
        isinstance(tags, list) and all(isinstance(tag, str) for tag in tags),
        "invalid_parameter",
        "tags",
    )
    for item in body.get("attachment", []):
        _validate_attachment(item)


def _validate_headers(headers: dict[str, Any]) -> None:
    for name, value in headers.items():
        _need(isinstance(value, str) and value.isascii(), "invalid_parameter", f"header {name}")
        _need(name.lower() not in {"message-id", "date"}, "invalid_parameter", f"header {name}")
    if "idempotencyKey" in headers:
        try:
            UUID(headers["idempotencyKey"])
        except ValueError:
            raise Refused(400, "invalid_parameter", "idempotencyKey is not a UUID") from None


def _validate_attachment(item: dict[str, Any]) -> None:
    _need(set(item) <= {"name", "content", "url"}, "invalid_parameter", "attachment")
    _need(
        re.fullmatch(r"[^/\\]+\.(ics|pdf|txt)", item.get("name", "")), "invalid_parameter", "name"
    )
    try:
        base64.b64decode(item.get("content", ""), validate=True)
    except binascii.Error:
        raise Refused(400, "invalid_parameter", "attachment content") from None


def _validate_sms(body: dict[str, Any]) -> None:
    _need(set(body) <= _SMS_FIELDS, "invalid_parameter", "unknown field")
    sender = body.get("sender", "")
    _need(re.fullmatch(r"[A-Za-z0-9]{1,11}|\d{1,15}", sender), "invalid_parameter", "sender")
    _need(
        re.fullmatch(r"[1-9]\d{6,14}", body.get("recipient", "")), "invalid_parameter", "recipient"
    )
    _need(body.get("content"), "missing_parameter", "content is missing")
    _need(
        body.get("type", "transactional") in {"transactional", "marketing"},
        "invalid_parameter",
        "type",
    )
    _need(isinstance(body.get("unicodeEnabled", False), bool), "invalid_parameter", "unicode")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    brevo: Brevo

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Quiet: the journal says what matters."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        raw = self.rfile.read(length)
        fault = self.brevo.next_fault()
        if self.brevo.delay:
            threading.Event().wait(self.brevo.delay)
        if fault == "error_before":
            self._say(500, {"code": "internal_error", "message": "try later"})
            return
        if fault == "throttled":
            self._say(429, {"code": "too_many_requests", "message": "rate limit"})
            return
        if fault == "redirect":
            self._say(302, {}, location="http://example.com/")
            return
        status, answer = self._answer(lambda: self._post(raw))
        if self.brevo.delay_answer:
            threading.Event().wait(self.brevo.delay_answer)
        if fault == "answer_lost":
            self.close_connection = True
            self.connection.close()
            return
        self._say(status, answer)

    def do_GET(self) -> None:
        self._say(*self._answer(self._get))

    def _post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        path = urlsplit(self.path).path
        self.brevo.requests[path] += 1
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "invalid_parameter", "content-type")
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refused(400, "bad_request", "body is not JSON") from None
        if path == "/v3/smtp/email":
            return HTTPStatus.CREATED, self.brevo.send_mail(body)
        if path == "/v3/transactionalSMS/send":
            return HTTPStatus.CREATED, self.brevo.send_sms(body)
        raise Refused(404, "document_not_found", path)

    def _get(self) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(self.path)
        self.brevo.requests[parts.path] += 1
        query = parse_qs(parts.query)
        if parts.path == "/v3/smtp/statistics/events":
            return HTTPStatus.OK, self.brevo.events("mail", query)
        if parts.path == "/v3/transactionalSMS/statistics/events":
            return HTTPStatus.OK, self.brevo.events("sms", query)
        raise Refused(404, "document_not_found", parts.path)

    def _answer(
        self, respond: Callable[[], tuple[int, dict[str, Any]]]
    ) -> tuple[int, dict[str, Any]]:
        try:
            self._check_key()
            return respond()
        except Refused as refused:
            self.brevo.refusals.append(f"{refused.code}: {refused.message}")
            return refused.status, {"code": refused.code, "message": refused.message}

    def _check_key(self) -> None:
        if self.headers.get("api-key") != API_KEY:
            raise Refused(401, "unauthorized", "Key not found")

    def _say(self, status: int, body: dict[str, Any], **headers: str) -> None:
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client killed in the middle of a request is what the proofs do."""


def _server(brevo: Brevo, port: int) -> _Server:
    handler = type("Handler", (_Handler,), {"brevo": brevo})
    return _Server(("127.0.0.1", port), handler)


@contextmanager
def running(brevo: Brevo, *, port: int = 0) -> Iterator[str]:
    """Serve `brevo` from a thread; yield its base address."""
    server = _server(brevo, port)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v3/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--spool", type=Path, default=None, help="where SMS are laid as .eml")
    options = parser.parse_args()
    server = _server(Brevo(spool=options.spool), options.port)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
