"""One request: the interface, OAuth, control or a page, with what goes wrong on the way."""

import json
import select
import socket
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.google import agenda, consent, control, partial
from tests.fakes.google.contract import BASE, Method
from tests.fakes.google.errors import OAuthRefused, Refused
from tests.fakes.google.faults import (
    ANSWER,
    BLACK_HOLE,
    CUT,
    DROP_BEFORE,
    HELD_BACK,
    HTML,
    NOT_JSON,
    Fault,
)
from tests.fakes.google.journal import Entry
from tests.fakes.google.layout import Page, page
from tests.fakes.google.state import Google

_TOKEN_HEADER = "authorization"
"""The one header that the journal leaves out."""
_OAUTH = {"/token": "oauth.token", "/revoke": "oauth.revoke"}
_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
_JSON = "application/json; charset=UTF-8"


class _Dropped(Exception):
    """The connection is closed without an answer."""


@dataclass
class _Answer:
    status: int
    data: bytes
    kind: str = _JSON
    location: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers for `google`, which a subclass sets."""

    protocol_version = "HTTP/1.1"
    # A flush per answer and no Nagle: 1.6 ms a call instead of 44.
    wbufsize = -1
    disable_nagle_algorithm = True
    google: Google

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Quiet: the journal says what matters."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            answer = self._answer(raw)
        except _Dropped:
            self.close_connection = True
            return
        except Exception as error:  # noqa: BLE001  # a mistake of the fake server must be seen, not lost
            self.google.broken.append("".join(traceback.format_exception(error)))
            refused = Refused(500, "backendError", f"The fake server broke: {error!r}")
            answer = _json(refused.status, refused.body())
        self._say(answer)

    def _answer(self, raw: bytes) -> _Answer:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        if parts.path.startswith(BASE):
            return self._interface(parts.path, query, raw)
        if parts.path in _OAUTH and self.command == "POST":
            return self._tokens(_OAUTH[parts.path], query, raw)
        if parts.path.startswith("/_control/"):
            return _json(*control.answer(self.google, self.command, parts.path, query, raw))
        return _page(self._page(parts.path, parts.query, raw))

    # The interface

    def _interface(self, path: str, query: dict[str, list[str]], raw: bytes) -> _Answer:
        verb = self.command
        if verb == "POST" and (other := self.headers.get("x-http-method-override")):
            # The client sends the query of a long address in the body.
            verb, query, raw = other, query | parse_qs(raw.decode()), b""
        facts: dict[str, Any] = {"verb": verb, "path": path, "query": query}
        facts["account"] = self.google.oauth.whose(self.headers.get("authorization", ""))
        try:
            method, in_path = self.google.contract.find(verb, path)
        except Refused as refused:
            return _refusal(refused, self._entry("", facts, raw))
        entry = self._entry(method.id, facts, raw)
        fault = self.google.next_fault(method.id)
        answer = self._before(fault, entry)
        if answer is None:
            answer = self._apply(method, in_path, entry, raw)
        return self._after(fault, entry, answer)

    def _apply(self, method: Method, in_path: dict[str, str], entry: Entry, raw: bytes) -> _Answer:
        google = self.google
        try:
            arguments = google.contract.arguments(method, in_path, entry.query)
            tree = partial.parse(arguments["fields"]) if "fields" in arguments else {}
            google.contract.check_fields(method, tree)
            body = self._json_body(method, raw)
            base = f"http://{self.headers.get('host', '')}"
            headers = {key.lower(): value for key, value in self.headers.items()}
            found = google.answer(method, arguments, body, headers, base)
            if found is None:
                return _Answer(204, b"")
            if google.checks_answers:
                google.contract.check_answer(method, found)
        except Refused as refused:
            return _refusal(refused, entry)
        return _json(200, partial.select(found, tree))

    def _json_body(self, method: Method, raw: bytes) -> object:
        if not method.request or not raw:
            return {}
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Refused(400, "parseError")
        try:
            return json.loads(raw)
        except ValueError:
            raise Refused(400, "parseError") from None

    # OAuth

    def _tokens(self, method: str, query: dict[str, list[str]], raw: bytes) -> _Answer:
        form = {**query, **parse_qs(raw.decode("utf-8", "replace"))}
        entry = self.google.open_entry(
            method=method,
            account="",
            verb=self.command,
            path=urlsplit(self.path).path,
            body=form,
            headers=self._kept_headers(),
        )
        fault = self.google.next_fault(method)
        answer = self._before(fault, entry)
        if answer is None:
            answer = self._apply_tokens(method, form, entry)
        return self._after(fault, entry, answer)

    def _apply_tokens(self, method: str, form: dict[str, list[str]], entry: Entry) -> _Answer:
        plain = {key: values[-1] for key, values in form.items()}
        oauth = self.google.oauth
        try:
            with self.google.lock:
                if method == "oauth.revoke":
                    entry.account = oauth.revoke(plain.get("token", "")).email
                    return _json(200, {})
                found = oauth.token(plain, self.headers.get("authorization", ""))
                entry.account = oauth.whose(f"Bearer {found['access_token']}")
                return _json(200, found)
        except OAuthRefused as refused:
            entry.reason = refused.error
            return _json(refused.status, refused.body())

    # Pages

    def _page(self, path: str, query: str, raw: bytes) -> Page:
        form = parse_qs(raw.decode("utf-8", "replace"))
        if path == consent.PATH:
            return consent.answer(self.google, self.command, query, form)
        if path.startswith("/agenda/"):
            return agenda.answer(self.google, self.command, path, parse_qs(query), form)
        if path == "/":
            return Page(302, "", "/agenda/")
        return page(404, "Page introuvable", "<p>Il n’y a rien à cette adresse.</p>")

    # Faults

    def _before(self, fault: Fault | None, entry: Entry) -> _Answer | None:
        """What the fault answers before anything is applied; None: go on."""
        seconds = self.google.latency + (fault.seconds if fault else 0)
        if seconds:
            threading.Event().wait(seconds)
        if fault is None:
            return None
        entry.fault = fault.name
        self._stand(fault)
        if fault.kind in {BLACK_HOLE, DROP_BEFORE}:
            raise _Dropped
        if fault.kind == HTML:
            entry.status = 502
            return _Answer(502, _PROXY_PAGE, "text/html")
        if fault.kind != ANSWER:
            return None
        if entry.method.startswith("oauth."):
            entry.reason = fault.reason
            error = OAuthRefused(fault.status, fault.reason, "Injected")
            return _json(fault.status, error.body())
        return _refusal(Refused(fault.status, fault.reason), entry)

    def _stand(self, fault: Fault) -> None:
        """Wait as long as the fault wants."""
        if fault.kind == HELD_BACK:
            self.google.held_requests.wait()
        if fault.kind == BLACK_HOLE:
            self.google.black_hole.wait(self._is_gone)

    def _after(self, fault: Fault | None, entry: Entry, answer: _Answer) -> _Answer:
        entry.status = answer.status
        if fault is None or not fault.comes_after:
            return answer
        if fault.kind == NOT_JSON:
            return _Answer(answer.status, b"<!doctype html>" + answer.data)
        if fault.kind == CUT and answer.data:
            self._head(answer)
            self.wfile.write(answer.data[: len(answer.data) // 2])
            self._flush()
        raise _Dropped

    def _is_gone(self) -> bool:
        """Whether the caller has hung up."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    # Writing

    def _entry(self, method: str, facts: dict[str, Any], raw: bytes) -> Entry:
        body: Any = None
        with suppress(ValueError):
            body = json.loads(raw) if raw else None
        return self.google.open_entry(
            method=method, body=body, headers=self._kept_headers(), **facts
        )

    def _kept_headers(self) -> dict[str, str]:
        sent = {name.lower(): value for name, value in self.headers.items()}
        return {name: value for name, value in sent.items() if name != _TOKEN_HEADER}

    def _say(self, answer: _Answer) -> None:
        self._head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.data)
        self._flush()

    def _head(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        if answer.location:
            self.send_header("location", answer.location)
        if answer.status != 204:
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(answer.data)))
        self.send_header("cache-control", "no-cache, no-store, max-age=0, must-revalidate")
        self.end_headers()

    def _flush(self) -> None:
        try:
            self.wfile.flush()
        except OSError:
            self.close_connection = True


def _json(status: int, body: object) -> _Answer:
    return _Answer(status, json.dumps(body, ensure_ascii=False).encode())


def _refusal(refused: Refused, entry: Entry) -> _Answer:
    entry.status, entry.reason = refused.status, refused.reason
    return _json(refused.status, refused.body())


def _page(page: Page) -> _Answer:
    return _Answer(page.status, page.html.encode(), "text/html; charset=UTF-8", page.location)
