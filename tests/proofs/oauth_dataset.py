"""Two practices, the browsers of their members, and the steps of linking a Google account."""

import itertools
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.urls import reverse

from tests.proofs.dataset import PASSWORD
from tests.proofs.environment import CONNECT_HOST, ProofEnvironment
from tests.proofs.fake_google import FakeGoogle
from tests.proofs.raw_http import CSRF, RawAnswer, RawHttpClient, RawRequest

SESSION = "__Host-session"
PATIENCE = 40.0
"""Seconds within which the worker must have tried an exchange, also on a loaded machine."""


@dataclass
class OAuthBrowser:
    """A browser on the host of a practice, signed in when it has a session."""

    http: RawHttpClient
    host: str
    session: str = ""

    def get(self, target: str, *, method: str = "GET", **headers: str) -> RawAnswer:
        """Request a page; redirects are not followed."""
        return self.http.send(
            RawRequest(method, _target(target), (self.host.encode(),), self._headers(headers))
        )

    def post(
        self, target: str, form: Mapping[str, str], *, token: str = CSRF, **headers: str
    ) -> RawAnswer:
        """Send a form as its page does, with this browser's CSRF token or another one."""
        sent = {"Origin": f"http://{self.host}"} | self._headers(headers)
        fields = {**({"csrfmiddlewaretoken": token} if token else {}), **form}
        return self.http.send(
            RawRequest("POST", _target(target), (self.host.encode(),), sent, fields)
        )

    def sign_in(self, email: str) -> "OAuthBrowser":
        """Sign in and keep the session."""
        answer = self.post(reverse("account_login"), {"login": email, "password": PASSWORD})
        for line in answer.all("Set-Cookie"):
            if line.startswith(f"{SESSION}="):
                self.session = line.split(";")[0].partition("=")[2]
                return self
        raise RuntimeError(f"{email} could not sign in: {answer.status}")

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        cookies = f"__Host-csrf={CSRF}"
        if self.session:
            cookies += f"; {SESSION}={self.session}"
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Cookie": cookies, "X-Forwarded-For": self.http.network(), **named}


def _target(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass
class ConsentAttempt:
    """One attempt to link a practitioner's agenda; ``url`` is the address of Google's consent page."""

    practitioner: Any
    url: str

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the consent page."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    @property
    def state(self) -> str:
        """The state."""
        return self.asked["state"]

    def altered(self, **changes: str) -> str:
        """Return the address of the consent page with changed parameters."""
        return f"{self.url.partition('?')[0]}?{urlencode(self.asked | changes)}"


@dataclass
class OAuthDataset:
    """The practices, the browsers and the servers of the proof."""

    environment: ProofEnvironment
    fake_google: FakeGoogle
    http: RawHttpClient
    port: str
    """The port in public addresses; the requests use the one of ``http``."""
    ours: Any = None
    theirs: Any = None
    host: str = "ours.lib-rdv.localhost"
    their_host: str = "theirs.lib-rdv.localhost"
    custom: str = "rdv.ours.example"
    people: dict[str, Any] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        from tenants.accounts.models import Role
        from tenants.schema import inside
        from tests.accounts import make_member
        from tests.factories import Cabinet

        self.ours = self.environment.add_tenant(self.host, custom=self.custom)
        self.theirs = self.environment.add_tenant(self.their_host)
        with inside(self.ours):
            self.cabinet = Cabinet()
            make_member(Role.OWNER, "maite@example.org")
            make_member(Role.OWNER, "autre@example.org")
            make_member(Role.SECRETARY, "secretaire@example.org")
        with inside(self.theirs):
            Cabinet()
            make_member(Role.OWNER, "voisin@example.org")
        self.people = {
            "owner": self.browser().sign_in("maite@example.org"),
            "owner elsewhere": self.browser().sign_in("maite@example.org"),
            "other": self.browser().sign_in("autre@example.org"),
            "secretary": self.browser().sign_in("secretaire@example.org"),
            "neighbour": OAuthBrowser(self.http, self.their_host).sign_in("voisin@example.org"),
            "stranger": self.browser(),
        }

    @property
    def owner(self) -> OAuthBrowser:
        """The browser that begins attempts."""
        browser: OAuthBrowser = self.people["owner"]
        return browser

    def browser(self) -> OAuthBrowser:
        """Return a browser without a session."""
        return OAuthBrowser(self.http, self.host)

    # --- The honest sequence, step by step ---------------------------------------------------------------------
    def begin(self) -> ConsentAttempt:
        """Press the button for an agenda that is not linked."""
        from tenants.schema import inside
        from tests.factories import make_practitioner

        with inside(self.ours):
            person = make_practitioner(f"Docteur {next(self.numbers)}")
        answer = self.owner.post(self.connect_path(person), {})
        if answer.status != 303:
            raise RuntimeError(f"connecting was refused: {answer.status}")
        return ConsentAttempt(person, answer.all("Location")[0])

    def connect_path(self, person: Any) -> str:
        """Return the address of the button."""
        path: str = reverse(
            "dashboard:google_connect", args=[person.ref], urlconf="config.urls_tenant"
        )
        return path

    def consent(self, url: str, **choices: Any) -> dict[str, str]:
        """Consent at the fake Google server; return the parameters with which it sends the browser back."""
        account = choices.pop("account", f"compte{next(self.numbers)}@exemple.fr")
        self.fake_google.command("account", account=account)
        returned = self.fake_google.command("consent", url=url, account=account, **choices)[
            "redirect"
        ]
        return {name: values[0] for name, values in parse_qs(urlsplit(returned).query).items()}

    def back(self, returned: Mapping[str, str], **headers: str) -> RawAnswer:
        """Request the address to which Google sends the browser back."""
        return OAuthBrowser(self.http, CONNECT_HOST).get(
            f"/google/retour?{urlencode(returned)}", **headers
        )

    def take(
        self, returned: Mapping[str, str], browser: OAuthBrowser | None = None, **more: str
    ) -> RawAnswer:
        """Request the practice's return page with these parameters."""
        kept = {name: returned[name] for name in ("state", "code", "error") if name in returned}
        return (browser or self.owner).get(f"{self.return_path}?{urlencode(kept | more)}")

    @property
    def return_path(self) -> str:
        """The path of the practice's return page."""
        path: str = reverse("dashboard:google_return", urlconf="config.urls_tenant")
        return path

    def walk(self, attempt: ConsentAttempt) -> bool:
        """Complete an attempt as an honest person does; return whether the exchange has begun."""
        returned = self.consent(attempt.url)
        sent_on = self.back(returned)
        if sent_on.status != 303:
            return False
        taken = self.owner.get(sent_on.all("Location")[0])
        return taken.status == 303 and self.state_of(attempt) == "exchanging"

    # --- The results --------------------------------------------------------------------------
    def state_of(self, attempt: ConsentAttempt) -> str:
        """Return the state of an attempt."""
        return self._of(attempt, "state")

    def failure_of(self, attempt: ConsentAttempt) -> str:
        """Return the reason of a failed attempt."""
        return self._of(attempt, "failure")

    def _of(self, attempt: ConsentAttempt, column: str) -> str:
        from tenants.keyring import services as keyring

        rows = self.environment.owner(
            f'SELECT {column} FROM "{self.ours.schema}".booking_authorization WHERE state_hash = %s',
            [keyring.token_hash(attempt.state)],
        )
        return str(rows[0][0]) if rows else ""

    def account_of(self, attempt: ConsentAttempt) -> tuple[Any, ...] | None:
        """Return state and permission to read of the linked account; None when none is linked."""
        rows = self.environment.owner(
            f'SELECT state, can_read_busy FROM "{self.ours.schema}".booking_googleaccount'
            " WHERE practitioner_id = %s",
            [attempt.practitioner.pk],
        )
        return rows[0] if rows else None

    def counts(self) -> tuple[int, ...]:
        """Return the numbers of attempts, exchanges and linked accounts in both practices."""
        found: list[int] = []
        for unit in (self.ours, self.theirs):
            for table, where in (
                ("booking_authorization", ""),
                ("outbox_outboxentry", "WHERE kind = 'calendar.connect'"),
                ("booking_googleaccount", ""),
            ):
                rows = self.environment.owner(
                    f'SELECT count(*) FROM "{unit.schema}".{table} {where}'
                )
                found.append(int(rows[0][0]))
        return tuple(found)

    def expire(self, attempt: ConsentAttempt) -> None:
        """Make an attempt eleven minutes older."""
        from tenants.keyring import services as keyring

        self.environment.owner(
            f'UPDATE "{self.ours.schema}".booking_authorization'
            " SET created_at = created_at - interval '11 minutes',"
            " expires_at = expires_at - interval '11 minutes' WHERE state_hash = %s",
            [keyring.token_hash(attempt.state)],
        )

    def sign_another_in(self, browser: OAuthBrowser, email: str) -> None:
        """Write another user into a session without signing in: its key stays the same."""
        from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.sessions.backends.db import SessionStore

        from tenants.accounts.models import User
        from tenants.schema import inside

        with inside(self.ours):
            user, session = User.objects.get(email=email), SessionStore(browser.session)
            session[SESSION_KEY] = str(user.pk)
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.save()

    def exchange_all(self, attempts: Sequence[ConsentAttempt]) -> bool:
        """Wait until a worker has tried each exchange; False after PATIENCE seconds."""
        from tenants.outbox.actors import sweep

        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if all(self.state_of(attempt) != "exchanging" for attempt in attempts):
                return True
            sweep.send()
            time.sleep(0.3)
        return False


def unknown_state(schema: str) -> str:
    """Return a state of no attempt."""
    return f"{schema}.{uuid.uuid4().hex}{uuid.uuid4().hex[:11]}"
