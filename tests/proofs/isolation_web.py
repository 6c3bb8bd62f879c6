"""Isolation over HTTP: each route with each method, visitor, foreign object and way of writing the host.

The victim is the practice ``first``, the attacker comes from ``second``. A case fails when an answer contains a
canary that this visitor may not read at this host, when the victim's rows change, when another host could receive
a cookie, or when a foreign session gets another answer than a visitor without a session.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.dataset import CanaryPractice, RowWatch
from tests.proofs.environment import CONNECT_HOST, PUBLIC_HOST
from tests.proofs.raw_http import CSRF, RawAnswer, RawHttpClient, RawRequest, in_parallel
from tests.proofs.routes import Route, all_routes, paths

SESSION = "__Host-session"
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE, AT_ONE, AT_TWO, AT_PUBLIC = "nowhere", "one", "two", "public"
AT_CONNECT = "connect"
"""The host to which Google sends people back; it belongs to no practice, and no session counts there."""


@dataclass(frozen=True)
class HostHeaderForm:
    """A way of writing the host, and the host that may answer to it; NOWHERE when none may."""

    name: str
    leads: str
    hosts: tuple[bytes, ...]
    origin: str
    forwarded: str = ""
    absolute: str = ""
    is_custom: bool = False


@dataclass(frozen=True)
class HttpActor:
    """A visitor: a name, and the session cookie that it sends."""

    name: str
    session: str = ""


@dataclass(frozen=True)
class HttpProbe:
    """One case."""

    method: str
    path: str
    actor: HttpActor
    form: HostHeaderForm


def host_forms(first: CanaryPractice, second: CanaryPractice) -> list[HostHeaderForm]:
    """Return each way of writing the victim's host, right or wrong."""
    h, other = first.host, second.host

    def form(name: str, leads: str, *hosts: str, origin: str = "", **more: Any) -> HostHeaderForm:
        lines = tuple(host.encode() for host in hosts)
        return HostHeaderForm(name, leads, lines, origin or (hosts[0] if hosts else h), **more)

    return [
        form("plain", AT_ONE, h),
        form("attacker's own", AT_TWO, other),
        form("lib-rdv's", AT_PUBLIC, PUBLIC_HOST),
        form("connect", AT_CONNECT, CONNECT_HOST),
        form("port", AT_ONE, f"{h}:8443"),
        form("upper case", AT_ONE, h.upper()),
        form("forwarded", AT_TWO, other, forwarded=h),
        form("absolute URI", AT_TWO, other, absolute=f"http://{h}"),
        form("custom domain", AT_ONE, first.custom, is_custom=True),
        form("attacker's custom", AT_TWO, second.custom, is_custom=True),
        form("trailing dot", NOWHERE, f"{h}."),
        form("list", NOWHERE, f"{h}, {other}"),
        form("two lines", NOWHERE, h, other),
        form("user info", NOWHERE, f"{h}@{other}"),
        form("IDN", NOWHERE, f"xn--{first.name}-9na.lib-rdv.localhost"),
        form("raw unicode", NOWHERE, "\N{CYRILLIC SMALL LETTER O}ne.lib-rdv.localhost"),
        form("unknown", NOWHERE, "unknown.lib-rdv.localhost"),
        form("schema", NOWHERE, f"{first.unit.schema}.lib-rdv.localhost"),
        form("below", NOWHERE, f"www.{h}"),
        form("address", NOWHERE, "127.0.0.1"),
        form("empty", NOWHERE, ""),
    ]


class HttpProbes:
    """Probes of one served application."""

    def __init__(
        self,
        environment: Any,
        counter: CaseCounter,
        http: RawHttpClient,
        first: CanaryPractice,
        second: CanaryPractice,
    ) -> None:
        self.environment, self.counter, self.http = environment, counter, http
        self.first, self.second = first, second
        self.forms = host_forms(first, second)
        self.victim = RowWatch(environment, first.unit.schema)
        self.shared = RowWatch(environment, "public")
        self.strangers: dict[tuple[str, str, str], int] = {}
        self.kept_session: list[tuple[Any, ...]] = []

    def probe(self, actors: list[HttpActor], *, short: bool) -> None:
        """Send each case; ``short`` sends each route a few times, with another actor and host form each time."""
        self._keep_session()
        for form in self.forms:
            case = HttpProbe("GET", "/mentions-legales/", actors[0], form)
            self._judge(case, self._send(case))
        with ThreadPoolExecutor(4) as pool:
            for batch in self._batches(actors, short=short):
                # The answers without a session come first: the others are compared with them.
                for part in (
                    [case for case in batch if case.actor.name == "stranger"],
                    [case for case in batch if case.actor.name != "stranger"],
                ):
                    if not part:
                        continue
                    self._restore_session()
                    answers = in_parallel(self._send, part, pool)
                    for case, answer in zip(part, answers, strict=True):
                        self._judge(case, answer)
                self._check_rows(batch)

    def _batches(self, actors: list[HttpActor], *, short: bool) -> Iterator[list[HttpProbe]]:
        turn = itertools.count()
        for urlconf, found in all_routes().items():
            for route in found:
                if short:
                    yield list(self._some(urlconf, route, actors, turn))
                else:
                    yield list(dict.fromkeys(self._all(urlconf, route, actors)))

    def _all(self, urlconf: str, route: Route, actors: list[HttpActor]) -> Iterator[HttpProbe]:
        for form in self.forms:
            if not _belongs(urlconf, form):
                continue
            objects = 20 if form.leads in {AT_TWO, AT_ONE} else 3
            methods = METHODS if form.leads != NOWHERE else METHODS[:2]
            for method in methods:
                most = objects if method in {"GET", "POST"} else 2
                found = list(self._paths(route, form, most=most))
                for actor in actors:
                    for path in found:
                        yield HttpProbe(method, path, actor, form)

    def _some(
        self, urlconf: str, route: Route, actors: list[HttpActor], turn: "itertools.count[int]"
    ) -> Iterator[HttpProbe]:
        chosen = [form for form in self.forms if _belongs(urlconf, form)]
        resolving = [form for form in chosen if form.leads != NOWHERE]
        own = [form for form in chosen if form.leads == AT_CONNECT] if _is_connect(urlconf) else []
        picked = [*own, *resolving[:2], chosen[next(turn) % len(chosen)]]
        for form in dict.fromkeys(picked):
            path = next(self._paths(route, form, most=1))
            method = METHODS[next(turn) % 2]
            for actor in (actors[0], actors[1 + next(turn) % (len(actors) - 1)]):
                yield HttpProbe(method, path, actor, form)

    def _paths(self, route: Route, form: HostHeaderForm, *, most: int) -> Iterator[str]:
        """Yield paths with the victim's objects; at the victim's own host with the attacker's."""
        if form.leads == AT_ONE:
            yield from paths(route, self.second, with_tokens=True, most=most)
        else:
            yield from paths(route, self.first, with_tokens=True, most=most)

    def _send(self, case: HttpProbe) -> RawAnswer:
        cookies = f"__Host-csrf={CSRF}"
        if case.actor.session:
            cookies += f"; {SESSION}={case.actor.session}"
        headers = {
            "Cookie": cookies,
            "X-Forwarded-For": self.http.network(),
            "Sec-Fetch-Site": "same-origin",
        }
        if case.form.forwarded:
            headers["X-Forwarded-Host"] = case.form.forwarded
            headers["X-Original-Host"] = headers["X-Host"] = case.form.forwarded
            headers["Forwarded"] = f"host={case.form.forwarded}"
        form = None
        if case.method in {"POST", "PUT", "PATCH", "DELETE"}:
            headers["X-CSRFToken"] = CSRF
            form = self._fields(case)
        target = case.form.absolute + _escaped(case.path)
        return self.http.send(RawRequest(case.method, target, case.form.hosts, headers, form))

    def _fields(self, case: HttpProbe) -> dict[str, str]:
        """Return the fields of all forms, with objects of another host."""
        owner = self.second if case.form.leads == AT_ONE else self.first
        ref = {name: value.hex for name, value in owner.refs.items()}
        purpose = "details" if "confirmer" in case.path else "choose"
        return {
            "csrfmiddlewaretoken": CSRF,
            "token": owner.tokens[f"form {purpose}"],
            "slot": owner.tokens.get("slot", ""),
            "practitioner": ref["practitioner"],
            "location": ref["location"],
            "appointment_type": ref["appointmenttype"],
            "appointment": ref["appointment"],
            "ref": ref["appointment"],
            "invitation": ref["invitation"],
            "member": ref["membership"],
            "id": "1",
            "first_name": "Intrus",
            "last_name": "Intrus",
            "phone": "0639980199",
            "email": "intrus@example.org",
            "login": "intrus@example.org",
            "password": "wrong password of an intruder",
            "code": "000000",
            "name": "Intrus",
            "reason": "intrus",
            "text": "intrus",
            "colour": "#123456",
            "profession": "autre",
            "action": "remove",
        }

    def _judge(self, case: HttpProbe, answer: RawAnswer) -> None:
        text = answer.text
        wrong = [word for word in self._forbidden(case) if word in text]
        seen: list[str] = [f"canary of {self._whose(word)}" for word in wrong]
        if case.form.leads == NOWHERE and answer.status not in {400, 404}:
            seen.append(f"status {answer.status}")
        if answer.status >= 500 and answer.status != 501:
            seen.append(f"status {answer.status}")
        seen += [f"cookie {line}" for line in answer.all("Set-Cookie") if not _stays(line)]
        seen += self._differs_from_stranger(case, answer)
        key = (case.method, case.path, case.actor.name, case.form.name)
        self.counter.count(
            "http", key, failed=bool(seen), seen=f"{answer.status} {seen}", status=answer.status
        )
        self.counter.by[f"as {case.actor.name}"] += 1
        self.counter.by[f"host {case.form.name}"] += 1

    def _forbidden(self, case: HttpProbe) -> list[str]:
        words = {self.first.public, self.first.private, self.second.public, self.second.private}
        if case.form.leads == AT_ONE:
            words.discard(self.first.public)
        if case.form.leads == AT_TWO:
            words.discard(self.second.public)
            if case.actor.name == "user of another tenant" and not case.form.is_custom:
                words.discard(self.second.private)
        return sorted(words)

    def _whose(self, word: str) -> str:
        for practice in (self.first, self.second):
            if word == practice.public:
                return f"{practice.name} (public)"
            if word == practice.private:
                return f"{practice.name} (private)"
        return "neither practice"

    def _differs_from_stranger(self, case: HttpProbe, answer: RawAnswer) -> list[str]:
        """At the victim's host and at the connect host a foreign session must count as no session."""
        key = (case.method, case.path, case.form.name)
        if case.actor.name == "stranger":
            self.strangers[key] = answer.status
            return []
        if case.form.leads not in {AT_ONE, AT_CONNECT}:
            return []
        expected = self.strangers.get(key, answer.status)
        # A rate limit may refuse one of the two.
        alike = answer.status == expected or 429 in {answer.status, expected}
        return [] if alike else [f"a stranger gets {expected}"]

    def _check_rows(self, batch: list[HttpProbe]) -> None:
        if not any(case.method not in {"GET", "HEAD", "OPTIONS"} for case in batch):
            return
        for what, rows in (("victim", self.victim), ("public", self.shared)):
            changes = rows.changes()
            if changes:
                self.counter.count("rows", (what, batch[0].path), failed=True, seen=changes)

    def _keep_session(self) -> None:
        if self.second.session:
            schema = self.second.unit.schema
            self.kept_session = self.environment.owner(
                f'SELECT session_key, session_data, expire_date FROM "{schema}".django_session'
                " WHERE session_key = %s",
                [self.second.session],
            )

    def _restore_session(self) -> None:
        """Restore the attacker's session when a probe has signed it out."""
        for row in self.kept_session:
            self.environment.owner(
                f'INSERT INTO "{self.second.unit.schema}".django_session VALUES (%s, %s, %s)'
                " ON CONFLICT (session_key) DO UPDATE SET session_data = excluded.session_data,"
                " expire_date = excluded.expire_date",
                row,
            )


def _belongs(urlconf: str, form: HostHeaderForm) -> bool:
    """Return whether a route is requested at a host: those of custom domains only at custom domains."""
    return not (urlconf.endswith("urls_custom") and not form.is_custom)


def _is_connect(urlconf: str) -> bool:
    return urlconf.endswith("urls_connect")


def _escaped(path: str) -> str:
    return path.replace(" ", "%20")


def _stays(line: str) -> bool:
    """Return whether a cookie stays on its host and cannot be set by another one."""
    parts = [part.strip().lower() for part in line.split(";")]
    return (
        line.startswith("__Host-")
        and "secure" in parts
        and "path=/" in parts
        and not any(part.startswith("domain=") for part in parts)
    )
