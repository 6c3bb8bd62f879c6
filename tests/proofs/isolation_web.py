"""The walls as visitors meet them: each route, method, actor, object and Host form once, over HTTP.

The victim is ``one``, the attacker comes from ``two``. A probe succeeds when an answer carries a canary
that this visitor may not read at this host, when the victim's rows change, when a cookie could travel,
or when somebody else's session makes an answer differ from the one a stranger gets.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.proofs.routes import Route, all_routes, paths
from tests.proofs.stage import CONNECT_HOST, PUBLIC_HOST
from tests.proofs.tally import Tally
from tests.proofs.wire import CSRF, Answer, Ask, Wire, in_parallel
from tests.proofs.world import Intact, Practice

SESSION = "__Host-session"
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE, AT_ONE, AT_TWO, AT_PUBLIC = "nowhere", "one", "two", "public"
AT_CONNECT = "connect"
"""The host of no practice to which Google sends people back: there nobody's session is one."""


@dataclass(frozen=True)
class HostForm:
    """A way of writing the host, and where it may lead: the victim, the attacker, lib-rdv, nobody, nowhere."""

    name: str
    leads: str
    hosts: tuple[bytes, ...]
    origin: str
    forwarded: str = ""
    absolute: str = ""
    is_custom: bool = False


@dataclass(frozen=True)
class Actor:
    """Who asks: a name, and the session cookie that goes along."""

    name: str
    session: str = ""


@dataclass(frozen=True)
class Probe:
    """One case."""

    method: str
    path: str
    actor: Actor
    form: HostForm


def host_forms(one: Practice, two: Practice) -> list[HostForm]:
    """Return every way of naming, or trying to name, the victim's host."""
    h, other = one.host, two.host

    def form(name: str, leads: str, *hosts: str, origin: str = "", **more: Any) -> HostForm:
        lines = tuple(host.encode() for host in hosts)
        return HostForm(name, leads, lines, origin or (hosts[0] if hosts else h), **more)

    return [
        form("plain", AT_ONE, h),
        form("attacker's own", AT_TWO, other),
        form("lib-rdv's", AT_PUBLIC, PUBLIC_HOST),
        form("connect", AT_CONNECT, CONNECT_HOST),
        form("port", AT_ONE, f"{h}:8443"),
        form("upper case", AT_ONE, h.upper()),
        form("forwarded", AT_TWO, other, forwarded=h),
        form("absolute URI", AT_TWO, other, absolute=f"http://{h}"),
        form("custom domain", AT_ONE, one.custom, is_custom=True),
        form("attacker's custom", AT_TWO, two.custom, is_custom=True),
        form("trailing dot", NOWHERE, f"{h}."),
        form("list", NOWHERE, f"{h}, {other}"),
        form("two lines", NOWHERE, h, other),
        form("user info", NOWHERE, f"{h}@{other}"),
        form("IDN", NOWHERE, f"xn--{one.name}-9na.lib-rdv.localhost"),
        form("raw unicode", NOWHERE, "\N{CYRILLIC SMALL LETTER O}ne.lib-rdv.localhost"),
        form("unknown", NOWHERE, "nobody.lib-rdv.localhost"),
        form("schema", NOWHERE, f"{one.unit.schema}.lib-rdv.localhost"),
        form("below", NOWHERE, f"www.{h}"),
        form("address", NOWHERE, "127.0.0.1"),
        form("empty", NOWHERE, ""),
    ]


class Web:
    """Probes of one served application."""

    def __init__(self, stage: Any, tally: Tally, wire: Wire, one: Practice, two: Practice) -> None:
        self.stage, self.tally, self.wire = stage, tally, wire
        self.one, self.two = one, two
        self.forms = host_forms(one, two)
        self.victim = Intact(stage, one.unit.schema)
        self.shared = Intact(stage, "public")
        self.strangers: dict[tuple[str, str, str], int] = {}
        self.kept_session: list[tuple[Any, ...]] = []

    def probe(self, actors: list[Actor], *, short: bool) -> None:
        """Send every case; ``short`` sends each route a few times, actor and form turning."""
        self._keep_session()
        for form in self.forms:
            case = Probe("GET", "/mentions-legales/", actors[0], form)
            self._judge(case, self._ask(case))
        with ThreadPoolExecutor(4) as pool:
            for batch in self._batches(actors, short=short):
                # A stranger's answers come first: the others' are compared with them.
                for part in (
                    [case for case in batch if case.actor.name == "stranger"],
                    [case for case in batch if case.actor.name != "stranger"],
                ):
                    if not part:
                        continue
                    self._restore_session()
                    answers = in_parallel(self._ask, part, pool)
                    for case, answer in zip(part, answers, strict=True):
                        self._judge(case, answer)
                self._check_rows(batch)

    def _batches(self, actors: list[Actor], *, short: bool) -> Iterator[list[Probe]]:
        turn = itertools.count()
        for urlconf, found in all_routes().items():
            for route in found:
                if short:
                    yield list(self._some(urlconf, route, actors, turn))
                else:
                    yield list(dict.fromkeys(self._all(urlconf, route, actors)))

    def _all(self, urlconf: str, route: Route, actors: list[Actor]) -> Iterator[Probe]:
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
                        yield Probe(method, path, actor, form)

    def _some(
        self, urlconf: str, route: Route, actors: list[Actor], turn: "itertools.count[int]"
    ) -> Iterator[Probe]:
        chosen = [form for form in self.forms if _belongs(urlconf, form)]
        resolving = [form for form in chosen if form.leads != NOWHERE]
        own = [form for form in chosen if form.leads == AT_CONNECT] if _is_connect(urlconf) else []
        picked = [*own, *resolving[:2], chosen[next(turn) % len(chosen)]]
        for form in dict.fromkeys(picked):
            path = next(self._paths(route, form, most=1))
            method = METHODS[next(turn) % 2]
            for actor in (actors[0], actors[1 + next(turn) % (len(actors) - 1)]):
                yield Probe(method, path, actor, form)

    def _paths(self, route: Route, form: HostForm, *, most: int) -> Iterator[str]:
        """Objects of the victim; its links' secrets only where they must not open, else the attacker's."""
        if form.leads == AT_ONE:
            yield from paths(route, self.two, with_tokens=True, most=most)
        else:
            yield from paths(route, self.one, with_tokens=True, most=most)

    def _ask(self, case: Probe) -> Answer:
        cookies = f"__Host-csrf={CSRF}"
        if case.actor.session:
            cookies += f"; {SESSION}={case.actor.session}"
        headers = {
            "Cookie": cookies,
            "X-Forwarded-For": self.wire.network(),
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
        return self.wire.send(Ask(case.method, target, case.form.hosts, headers, form))

    def _fields(self, case: Probe) -> dict[str, str]:
        """Return what a form of any page could ask for, naming objects that are not this host's."""
        owner = self.two if case.form.leads == AT_ONE else self.one
        ref = {name: value.hex for name, value in owner.refs.items()}
        purpose = "details" if "confirmer" in case.path else "choose"
        return {
            "csrfmiddlewaretoken": CSRF,
            "token": owner.tokens[f"form {purpose}"],
            "slot": owner.tokens.get("slot", ""),
            "motif": ref["appointmenttype"],
            "lieu": ref["location"],
            "avec": ref["practitioner"],
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
            "acte": "retirer",
        }

    def _judge(self, case: Probe, answer: Answer) -> None:
        text = answer.text
        wrong = [word for word in self._forbidden(case) if word in text]
        seen: list[str] = [f"canary of {self._whose(word)}" for word in wrong]
        if case.form.leads == NOWHERE and answer.status not in {400, 404}:
            seen.append(f"status {answer.status}")
        if answer.status >= 500 and answer.status != 501:
            seen.append(f"status {answer.status}")
        seen += [f"cookie {line}" for line in answer.all("Set-Cookie") if not _stays(line)]
        seen += self._unlike_a_stranger(case, answer)
        key = (case.method, case.path, case.actor.name, case.form.name)
        self.tally.count("http", key, failed=bool(seen), seen=f"{answer.status} {seen}")
        self.tally.by[f"as {case.actor.name}"] += 1
        self.tally.by[f"host {case.form.name}"] += 1

    def _forbidden(self, case: Probe) -> list[str]:
        words = {self.one.public, self.one.private, self.two.public, self.two.private}
        if case.form.leads == AT_ONE:
            words.discard(self.one.public)
        if case.form.leads == AT_TWO:
            words.discard(self.two.public)
            if case.actor.name == "user of another tenant" and not case.form.is_custom:
                words.discard(self.two.private)
        return sorted(words)

    def _whose(self, word: str) -> str:
        for practice in (self.one, self.two):
            if word == practice.public:
                return f"{practice.name} (public)"
            if word == practice.private:
                return f"{practice.name} (private)"
        return "nobody"

    def _unlike_a_stranger(self, case: Probe, answer: Answer) -> list[str]:
        """At the victim's host, and at nobody's, a foreign session is no session at all."""
        key = (case.method, case.path, case.form.name)
        if case.actor.name == "stranger":
            self.strangers[key] = answer.status
            return []
        if case.form.leads not in {AT_ONE, AT_CONNECT}:
            return []
        expected = self.strangers.get(key, answer.status)
        # A limit by address may fall between the two.
        alike = answer.status == expected or 429 in {answer.status, expected}
        return [] if alike else [f"a stranger gets {expected}"]

    def _check_rows(self, batch: list[Probe]) -> None:
        if not any(case.method not in {"GET", "HEAD", "OPTIONS"} for case in batch):
            return
        for what, rows in (("victim", self.victim), ("public", self.shared)):
            changes = rows.changes()
            if changes:
                self.tally.count("rows", (what, batch[0].path), failed=True, seen=changes)

    def _keep_session(self) -> None:
        if self.two.session:
            schema = self.two.unit.schema
            self.kept_session = self.stage.owner(
                f'SELECT session_key, session_data, expire_date FROM "{schema}".django_session'
                " WHERE session_key = %s",
                [self.two.session],
            )

    def _restore_session(self) -> None:
        """Sign the attacker in again when a probe has signed them out."""
        for row in self.kept_session:
            self.stage.owner(
                f'INSERT INTO "{self.two.unit.schema}".django_session VALUES (%s, %s, %s)'
                " ON CONFLICT (session_key) DO UPDATE SET session_data = excluded.session_data,"
                " expire_date = excluded.expire_date",
                row,
            )


def _belongs(urlconf: str, form: HostForm) -> bool:
    """Return whether a route is worth asking at a host: its own configuration's, and every other one's."""
    return not (urlconf.endswith("urls_custom") and not form.is_custom)


def _is_connect(urlconf: str) -> bool:
    return urlconf.endswith("urls_connect")


def _escaped(path: str) -> str:
    return path.replace(" ", "%20")


def _stays(line: str) -> bool:
    """Return whether a cookie can neither leave its host nor be planted by another one."""
    parts = [part.strip().lower() for part in line.split(";")]
    return (
        line.startswith("__Host-")
        and "secure" in parts
        and "path=/" in parts
        and not any(part.startswith("domain=") for part in parts)
    )
