"""Proof: no input makes the product answer 5xx.

Each route of the four URL configurations gets hostile paths, queries and bodies, as a visitor and signed in as
each role and as lib-rdv's staff. The fields of a form are those of the pages that show it, so that a new form is
covered as soon as a page has it. The requests pass through all middlewares, in processes of this proof, on the
real database.
"""

import hashlib
import itertools
import json
import multiprocessing
import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import CONNECT_HOST, PUBLIC_HOST, ProofEnvironment, open_environment
from tests.proofs.guards import PRODUCT, Guard, replace

PROOF = "garbage"
CASES, SHORT_CASES = 50_000, 2_000
PROCESSES = 2
SEED = 14

DATES = (
    "9999-12-31",
    "0001-01-01",
    "9999-12",
    "10000-01-01",
    "2026-02-30",
    "31/12/9999",
    "1/1/1",
    "9999-W53",
)
NUMBERS = (
    "-1", "0", "2147483648", "9223372036854775808", "-9223372036854775809", "9" * 400, "9" * 5000, "1e999", "NaN",
    "Infinity", "1,5", "0x10", "٣", "²", "1_000", "+1",
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202eabc", "\u200b", "\ufeff", "\u2028", "é" * 2_000,
    "x" * 20_000, "'; --", "%s%s%n", "{{ 7 }}", "<script>", "\r\nX: y", "../../etc/passwd", "[]", "{}", "null",
    "true", "on", "24:60", "99h99", "-1h", "0" * 32, "00000000-0000-0000-0000-000000000000", "#zzzzzz", "a@b", "@",
    "+33", "𝟘𝟙", "\U0001f600" * 50, "https://exemple.fr", "~", "\\", "\x7f", "\x1b[0m", "data:,",
)  # fmt: skip
HOSTILE = (*DATES, *NUMBERS, *TEXTS)
DATE_NAMES = re.compile(r"day|date|_on$|^on$|^du$|^au$|jour|mois|semaine|from|until|valid")
RAW = ("%00", "%ED%A0%80", "%FF", "%E2%80%AE", "..%2F", "9" * 300, "%0D%0A", "%C3%A9", "-", "%25")


def _accept_nul() -> None:
    from tenants import middleware

    replace(middleware, "has_nul", lambda path: False)


def _accept_any_day() -> None:
    from tenants import form_fields

    def read_any_day(text: str) -> date | None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None

    replace(form_fields, "read_day", read_any_day)


GUARDS: dict[str, Guard] = {
    "nul": Guard(
        "no address contains NUL", process=_accept_nul, server_errors=("ValueError", "DataError")
    ),
    "ends_of_the_calendar": Guard(
        "a date outside a form is bounded",
        process=_accept_any_day,
        server_errors=("OverflowError", "ValueError"),
    ),
}


@dataclass(frozen=True)
class GarbageSender:
    """Who sends: a name, the host, and the role or "staff"; a visitor has none."""

    name: str
    host: str
    urlconf: str
    role: str = ""


@dataclass(frozen=True)
class GarbageTarget:
    """A route as one sender requests it: concrete paths, and the fields of its form with usual values."""

    sender: GarbageSender
    name: str
    key: str
    template: str
    paths: tuple[str, ...]
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class GarbageInput:
    """One request."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    content_type: str = "application/x-www-form-urlencoded"

    @property
    def digest(self) -> str:
        """Return what makes it distinct."""
        text = f"{self.method} {self.path}?{self.query} {self.content_type}".encode()
        return hashlib.sha256(text + self.body).hexdigest()[:16]


class _Forms(HTMLParser):
    """Collects the forms of a page: the action, and the name and value of each field."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a form or a field."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), {}))
        elif self.forms and tag in {"input", "textarea", "select", "button"} and found.get("name"):
            self.forms[-1][1].setdefault(found["name"], found.get("value", ""))
            self._select = found["name"] if tag == "select" else ""
        elif self.forms and tag == "option" and self._select and found.get("value"):
            fields = self.forms[-1][1]
            if "selected" in found or not fields[self._select]:
                fields[self._select] = found["value"]


class GarbageRun:
    """The senders, their browsers and their targets on one database."""

    def __init__(self, practice: Any, desk_refs: dict[str, Any]) -> None:
        from django.conf import settings

        self.practice = practice
        self.desk = changed(practice, refs=desk_refs)
        tenant, public = settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF
        self.senders = [
            GarbageSender("visitor", practice.host, tenant),
            *(
                GarbageSender(role, practice.host, tenant, role)
                for role in ("owner", "secretary", "practitioner")
            ),
            GarbageSender(
                "visitor of a custom domain", practice.custom, settings.CUSTOM_DOMAIN_URLCONF
            ),
            GarbageSender("visitor of lib-rdv", PUBLIC_HOST, public),
            GarbageSender("staff", PUBLIC_HOST, public, "staff"),
            GarbageSender("visitor from Google", CONNECT_HOST, settings.CONNECT_URLCONF),
        ]
        self.query_names = sorted(_query_names())
        self._numbers = itertools.count()

    # --- Browsers ---------------------------------------------------------------------------------
    def browser(self, sender: GarbageSender) -> Any:
        """Return a client of this sender, signed in when it has a role."""
        from django.db import connection

        from tenants.schema import PUBLIC, inside
        from tests.accounts import browser

        client = browser(sender.host)
        client.raise_request_exception = False
        if sender.role:
            with inside(PUBLIC if sender.role == "staff" else self.practice.unit):
                backend = "allauth.account.auth_backends.AuthenticationBackend"
                client.force_login(_user_of(sender.role), backend=backend)
            connection.close()
        return client

    def send(self, client: Any, case: GarbageInput) -> Any:
        """Send one request, each from another network: rate limits count by network."""
        number = next(self._numbers)
        address = f"{11 + os.getpid() % 200}.{(number >> 8) & 255}.{number & 255}.7"
        return client.generic(
            case.method, case.path, case.body, content_type=case.content_type,
            QUERY_STRING=case.query, HTTP_X_FORWARDED_FOR=address,
        )  # fmt: skip

    # --- What is requested ------------------------------------------------------------------------
    def targets(self) -> list[GarbageTarget]:
        """Return each route for each sender, with the fields that the pages of the sender show for it."""
        from tests.proofs.routes import paths, routes

        found = []
        for sender in self.senders:
            owner = self.desk if sender.urlconf.endswith("urls_public") else self.practice
            plain = [
                GarbageTarget(
                    sender, route.name, _key(sender, path), route.template,
                    tuple(paths(route, owner, with_tokens=True, most=12)),
                )
                for route in routes(sender.urlconf)
                for path in paths(route, owner, with_tokens=True, most=1)
            ]  # fmt: skip
            shown = self._forms(sender, plain)
            found += [_with_form(target, *shown.get(target.key, ("", {}))) for target in plain]
        return found

    def _forms(
        self, sender: GarbageSender, targets: Sequence[GarbageTarget]
    ) -> dict[str, tuple[str, dict[str, str]]]:
        """Return action and fields of each form that a page of this sender shows, by the key of its route."""
        client = self.browser(sender)
        found: dict[str, tuple[str, dict[str, str]]] = {}
        today = datetime.now(UTC).date().isoformat()
        for target in targets:
            for path in target.paths:
                pages = [self.send(client, GarbageInput("GET", path))]
                if pages[0].status_code != 200:
                    continue
                if target.name == "hours":
                    # The form that closes a day stands beside the month once a day is chosen.
                    pages.append(self.send(client, GarbageInput("GET", path, f"jour={today}")))
                for page in pages:
                    for action, fields in _read_forms(page):
                        to = urlsplit(action).path or path
                        found.setdefault(_key(sender, to), (to, {}))[1].update(fields)
                break
        return found

    # --- The inputs -------------------------------------------------------------------------------
    def inputs(self, target: GarbageTarget, count: int) -> Iterator[GarbageInput]:
        """Yield distinct requests: all of NUL and the ends of the calendar, then at random by a fixed seed."""
        chance = random.Random(f"{SEED} {target.sender.name} {target.template}")
        seen: set[str] = set()
        known = list(self._firsts(target))
        count = max(count, len(known) + 1)
        firsts = iter(known)
        for _attempt in range(count * 5):
            case = next(firsts, None) or self._random(target, chance)
            if case.digest not in seen:
                seen.add(case.digest)
                yield case
            if len(seen) == count:
                return

    def _firsts(self, target: GarbageTarget) -> Iterator[GarbageInput]:
        usual = dict(target.fields)
        if target.paths[0] != target.template and "%(" in target.template:
            yield GarbageInput("GET", _with_raw(target, "%00", last=True))
        dates = [
            name for name, value in usual.items() if DATE_NAMES.search(name) or _is_date(value)
        ]
        for name, hostile in itertools.product(dates, DATES[:2]):
            body = _encoded({**usual, name: hostile}.items())
            yield GarbageInput("POST", target.paths[0], body=body)

    def _random(self, target: GarbageTarget, chance: random.Random) -> GarbageInput:
        path = target.paths[0] if chance.random() < 0.6 else chance.choice(target.paths)
        if "%(" in target.template and chance.random() < 0.15:
            path = _with_raw(target, chance.choice(RAW), last=chance.random() < 0.5)
        if chance.random() < 0.3:
            names = chance.sample(
                self.query_names, k=min(len(self.query_names), chance.randint(1, 4))
            )
            names += [name for name, _value in target.fields][:2]
            pairs = [(name, chance.choice(HOSTILE)) for name in names]
            return GarbageInput("GET", path, _encoded(pairs).decode()[:3_000])
        return self._post(target, path, chance)

    def _post(self, target: GarbageTarget, path: str, chance: random.Random) -> GarbageInput:
        usual = list(target.fields) or [
            (name, "1") for name in chance.sample(self.query_names, k=4)
        ]
        turned = chance.sample(range(len(usual)), k=min(len(usual), chance.randint(1, 3)))
        for number in turned:
            usual[number] = (usual[number][0], chance.choice(HOSTILE))
        how = chance.random()
        if how < 0.15:
            usual = [pair for number, pair in enumerate(usual) if number not in turned]
        elif how < 0.3:
            usual += [(name, chance.choice(HOSTILE)) for name, _value in usual[:3]]
        elif how < 0.36:
            text = json.dumps(chance.choice([dict(usual), list(usual), "x", None, 1e308]))
            return GarbageInput("POST", path, body=text.encode(), content_type="application/json")
        elif how < 0.42:
            return GarbageInput(
                "POST", path, body=_multipart(usual, chance), content_type=_MULTIPART
            )
        elif how < 0.45:
            body = chance.randbytes(60)
            return GarbageInput("POST", path, body=body, content_type=chance.choice(_KINDS))
        return GarbageInput("POST", path, body=_encoded(usual)[:60_000])


def _read_forms(page: Any) -> list[tuple[str, dict[str, str]]]:
    if page.streaming or b"<form" not in page.content:
        return []
    reader = _Forms()
    reader.feed(page.content.decode(errors="replace"))
    return reader.forms


def _with_form(target: GarbageTarget, action: str, fields: dict[str, str]) -> GarbageTarget:
    """Return the target with the form that a page shows for it: its action names objects that exist."""
    paths = dict.fromkeys((action, *target.paths) if action else target.paths)
    return changed(target, paths=tuple(paths), fields=tuple(fields.items()))


_MULTIPART = "multipart/form-data; boundary=x"
_KINDS = (
    _MULTIPART, "application/json", "text/plain; charset=nothing",
    "application/x-www-form-urlencoded; charset=utf-7",
    "application/x-www-form-urlencoded; charset=latin-1", "multipart/form-data", "",
)  # fmt: skip


def _multipart(fields: Sequence[tuple[str, str]], chance: random.Random) -> bytes:
    parts = []
    for number, (name, value) in enumerate(fields):
        extra = f'; filename="{quote(name)}"' if name == "file" or number == 0 else ""
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
        parts.append(head.encode() + value.encode("utf-8", "surrogatepass") + b"\r\n")
    return b"".join(parts) + chance.choice((b"--x--\r\n", b"--x", b""))


def _encoded(pairs: Any) -> bytes:
    return urlencode(list(pairs), errors="surrogatepass").encode()


def _is_date(value: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", value))


def _with_raw(target: GarbageTarget, raw: str, *, last: bool) -> str:
    """Return a path of the target whose last or first parameter is replaced by percent-encoded bytes."""
    pieces = target.template.split("/")
    usual = target.paths[0].split("/")
    places = [number for number, piece in enumerate(pieces) if "%(" in piece]
    if len(pieces) != len(usual) or not places:
        return f"{target.paths[0]}{raw}"
    usual[places[-1 if last else 0]] = raw
    return "/".join(usual)


def _key(sender: GarbageSender, path: str) -> str:
    from django.urls import Resolver404, resolve

    try:
        return resolve(path, urlconf=sender.urlconf).route
    except Resolver404:
        return path


def _query_names() -> set[str]:
    """Return the parameters that the product reads from addresses and forms, from its source."""
    read = re.compile(
        r"""(?:GET|POST|parameters_of\(request\))(?:\.get(?:list)?\(|\[)\s*"(\w+)\""""
    )
    root = Path(__file__).resolve().parents[2]
    return {
        name
        for package in PRODUCT
        for path in (root / package).rglob("*.py")
        for name in read.findall(path.read_text("utf-8"))
    } | {"next", "page", "jour", "mois", "semaine", "du", "au"}


def _user_of(role: str) -> Any:
    """Return a user with this role: a new one when a hostile form has ended the membership."""
    from booking.models import Practitioner
    from tenants.accounts.models import Membership, Role, User
    from tests.accounts import add_totp, make_member, make_user

    if role == "staff":
        found = User.objects.filter(is_staff=True, is_active=True).first()
        if found is None:
            found = make_user(
                f"{datetime.now(UTC).timestamp()}@example.org", is_staff=True, name="Iban"
            )
            add_totp(found)
        return found
    prefix = f"garbage-{role}"
    now = datetime.now(UTC).date()
    rows = Membership.objects.filter(
        user__email__startswith=prefix, user__is_active=True, role=role
    )
    for row in rows.select_related("user"):
        if row.until_on is None or row.until_on >= now:
            return row.user
    person = Practitioner.objects.order_by("pk").last()
    email = f"{prefix}-{datetime.now(UTC).timestamp()}@example.org"
    made = make_member(
        Role(role), email, entrusted=[person.ref] if person and role == "secretary" else ()
    )
    if role == "practitioner" and person is not None:
        Practitioner.objects.filter(pk=person.pk).update(user=made)
    return made


_run: GarbageRun
"""Inherited by the forked processes."""


def _send_all(work: tuple[GarbageTarget, int]) -> list[tuple[str, str, str, str, int]]:
    """Send the inputs of one target; return method, path, digest, what was raised, and status of each."""
    from django.core.signals import got_request_exception

    target, count = work
    raised: list[str] = []

    def note(sender: Any, request: Any = None, **kwargs: Any) -> None:
        import sys
        import traceback

        kind, error, trace = sys.exc_info()
        frame = traceback.extract_tb(trace)[-1]
        raised.append(
            f"{getattr(kind, '__name__', '')} {error} {Path(frame.filename).name}:{frame.lineno}"[
                :200
            ]
        )

    got_request_exception.connect(note)
    client = _run.browser(target.sender)
    found = []
    for case in _run.inputs(target, count):
        raised.clear()
        answer = _run.send(client, case)
        if answer.streaming:
            b"".join(answer.streaming_content)
        why = f"{raised[-1]} body {case.body[:300]!r}" if raised else ""
        found.append(
            (
                case.method,
                f"{case.path[:120]}?{case.query[:200]}",
                case.digest,
                why,
                answer.status_code,
            )
        )
    got_request_exception.disconnect(note)
    return found


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof."""
    global _run  # noqa: PLW0603  # the forked processes inherit it
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    statuses: dict[str, int] = {}
    with open_environment(
        proof=PROOF, sabotage=sabotage, GOOGLE_CLIENT_ID="fake-client"
    ) as environment:
        _run = _prepare(environment)
        if guard:
            guard.remove_from_process()
        targets = _run.targets()
        with_fields = sum(bool(target.fields) for target in targets)
        counter.control(("forms found",), failed=with_fields < 60, seen=with_fields)
        for sender in _run.senders[1:4]:
            opened = _run.send(_run.browser(sender), GarbageInput("GET", "/espace/")).status_code
            counter.control(("signed in", sender.name), failed=opened != 200, seen=opened)
        each = max(2, -(-(SHORT_CASES if short else CASES) * 11 // (10 * len(targets))))
        _close(environment)
        with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
            work = [(target, each) for target in targets]
            for (target, _), found in zip(work, pool.imap(_send_all, work), strict=True):
                for method, path, digest, why, status in found:
                    statuses[str(status)] = statuses.get(str(status), 0) + 1
                    counter.count(
                        target.sender.name,
                        (target.template, digest, method, path),
                        failed=status >= 500 and status != 501,
                        seen=f"{status} {why}",
                        status=0,
                    )
    return counter.report(
        PROOF, sabotage=sabotage, short=short, statuses=statuses, targets=len(targets)
    )


def _prepare(environment: ProofEnvironment) -> GarbageRun:
    from tenants.models import Tenant
    from tenants.schema import PUBLIC, inside
    from tests.proofs import dataset

    practice = dataset.make_canary_practice(environment, "one")
    other = environment.add_tenant("two.lib-rdv.localhost")
    dataset.employ_staff()
    with inside(PUBLIC):
        refs = {"tenant": Tenant.objects.get(schema_name=other.schema).ref}
    return GarbageRun(practice, refs)


def _close(environment: ProofEnvironment) -> None:
    """Close what forked processes must not share."""
    from django.core.cache import cache
    from django.db import connection

    connection.close()
    cache.close()
    environment.disconnect()
