"""Two practices, their members' browsers and the double: an account is linked only in the honest way."""

import itertools
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.urls import reverse

from tests.proofs.double import Double
from tests.proofs.stage import CONNECT_HOST, Stage
from tests.proofs.wire import CSRF, Answer, Ask, Wire
from tests.proofs.world import PASSWORD

SESSION = "__Host-session"
PATIENCE = 40.0
"""Seconds in which the worker must have tried an exchange: a loaded machine takes its time."""


@dataclass
class Browser:
    """One browser on the host of a practice; without a session nobody is signed in."""

    wire: Wire
    host: str
    session: str = ""

    def get(self, target: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask for a page; redirects are not followed."""
        return self.wire.send(
            Ask(method, _target(target), (self.host.encode(),), self._headers(headers))
        )

    def post(
        self, target: str, form: Mapping[str, str], *, token: str = CSRF, **headers: str
    ) -> Answer:
        """Send a form as its page does; another ``token`` is not this browser's."""
        sent = {"Origin": f"http://{self.host}"} | self._headers(headers)
        fields = {**({"csrfmiddlewaretoken": token} if token else {}), **form}
        return self.wire.send(Ask("POST", _target(target), (self.host.encode(),), sent, fields))

    def sign_in(self, email: str) -> "Browser":
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
        return {"Cookie": cookies, "X-Forwarded-For": self.wire.network(), **named}


def _target(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass
class Attempt:
    """One attempt to connect: whose agenda, the address of consent, and the state in it."""

    practitioner: Any
    url: str

    @property
    def asked(self) -> dict[str, str]:
        """What Google is asked for."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    @property
    def state(self) -> str:
        """The state."""
        return self.asked["state"]

    def altered(self, **changes: str) -> str:
        """Return the address of consent as somebody who tampers with it sends it."""
        return f"{self.url.partition('?')[0]}?{urlencode(self.asked | changes)}"


@dataclass
class World:
    """Everything that runs, and who tries."""

    stage: Stage
    double: Double
    wire: Wire
    port: str
    """The public one, which stands in addresses and in no request here."""
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

        self.ours = self.stage.add_tenant(self.host, custom=self.custom)
        self.theirs = self.stage.add_tenant(self.their_host)
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
            "neighbour": Browser(self.wire, self.their_host).sign_in("voisin@example.org"),
            "stranger": self.browser(),
        }

    @property
    def owner(self) -> Browser:
        """The browser in which attempts are begun."""
        browser: Browser = self.people["owner"]
        return browser

    def browser(self) -> Browser:
        """Return a browser that nobody has signed in with."""
        return Browser(self.wire, self.host)

    # --- The honest way, in steps ---------------------------------------------------------------------
    def begin(self) -> Attempt:
        """Press the button for an agenda that is linked with nothing."""
        from tenants.schema import inside
        from tests.factories import make_practitioner

        with inside(self.ours):
            person = make_practitioner(f"Docteur {next(self.numbers)}")
        answer = self.owner.post(self.connect_path(person), {})
        if answer.status != 303:
            raise RuntimeError(f"connecting was refused: {answer.status}")
        return Attempt(person, answer.all("Location")[0])

    def connect_path(self, person: Any) -> str:
        """Return the address of the button."""
        path: str = reverse(
            "dashboard:google_connect", args=[person.ref], urlconf="config.urls_tenant"
        )
        return path

    def consent(self, url: str, **choices: Any) -> dict[str, str]:
        """Consent at the double; return what the browser brings back."""
        account = choices.pop("account", f"compte{next(self.numbers)}@exemple.fr")
        self.double.order("account", account=account)
        said = self.double.order("consent", url=url, account=account, **choices)["redirect"]
        return {name: values[0] for name, values in parse_qs(urlsplit(said).query).items()}

    def back(self, said: Mapping[str, str], **headers: str) -> Answer:
        """Come back by the one address that Google knows."""
        return Browser(self.wire, CONNECT_HOST).get(f"/google/retour?{urlencode(said)}", **headers)

    def take(self, said: Mapping[str, str], browser: Browser | None = None, **more: str) -> Answer:
        """Open the practice's page of return with what was brought back."""
        kept = {name: said[name] for name in ("state", "code", "error") if name in said}
        return (browser or self.owner).get(f"{self.return_path}?{urlencode(kept | more)}")

    @property
    def return_path(self) -> str:
        """The practice's page of return."""
        path: str = reverse("dashboard:google_return", urlconf="config.urls_tenant")
        return path

    def walk(self, attempt: Attempt) -> bool:
        """Go all the way as an honest person does; whether each door has opened."""
        said = self.consent(attempt.url)
        sent_on = self.back(said)
        if sent_on.status != 303:
            return False
        taken = self.owner.get(sent_on.all("Location")[0])
        return taken.status == 303 and self.state_of(attempt) == "exchanging"

    # --- What has come of it --------------------------------------------------------------------------
    def state_of(self, attempt: Attempt) -> str:
        """Return how far an attempt has come."""
        return self._of(attempt, "state")

    def failure_of(self, attempt: Attempt) -> str:
        """Return why it came to nothing."""
        return self._of(attempt, "failure")

    def _of(self, attempt: Attempt, column: str) -> str:
        from tenants.keyring import services as keyring

        rows = self.stage.owner(
            f'SELECT {column} FROM "{self.ours.schema}".booking_authorization WHERE state_hash = %s',
            [keyring.token_hash(attempt.state)],
        )
        return str(rows[0][0]) if rows else ""

    def account_of(self, attempt: Attempt) -> tuple[Any, ...] | None:
        """Return state and right to read of the link that was made, if one was."""
        rows = self.stage.owner(
            f'SELECT state, can_read_busy FROM "{self.ours.schema}".booking_googleaccount'
            " WHERE practitioner_id = %s",
            [attempt.practitioner.pk],
        )
        return rows[0] if rows else None

    def counts(self) -> tuple[int, ...]:
        """Return how many attempts, exchanges and links there are in both practices."""
        found: list[int] = []
        for unit in (self.ours, self.theirs):
            for table, where in (
                ("booking_authorization", ""),
                ("outbox_outboxentry", "WHERE kind = 'calendar.connect'"),
                ("booking_googleaccount", ""),
            ):
                rows = self.stage.owner(f'SELECT count(*) FROM "{unit.schema}".{table} {where}')
                found.append(int(rows[0][0]))
        return tuple(found)

    def expire(self, attempt: Attempt) -> None:
        """Let eleven minutes pass for an attempt."""
        from tenants.keyring import services as keyring

        self.stage.owner(
            f'UPDATE "{self.ours.schema}".booking_authorization'
            " SET created_at = created_at - interval '11 minutes',"
            " expires_at = expires_at - interval '11 minutes' WHERE state_hash = %s",
            [keyring.token_hash(attempt.state)],
        )

    def sign_another_in(self, browser: Browser, email: str) -> None:
        """Put somebody else into a session, behind the back of signing in: its key stays."""
        from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.sessions.backends.db import SessionStore

        from tenants.accounts.models import User
        from tenants.schema import inside

        with inside(self.ours):
            user, session = User.objects.get(email=email), SessionStore(browser.session)
            session[SESSION_KEY] = str(user.pk)
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.save()

    def exchange_all(self, attempts: Sequence[Attempt]) -> bool:
        """Wait until a worker has tried each; whether it has."""
        from tenants.outbox.actors import sweep

        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if all(self.state_of(one) != "exchanging" for one in attempts):
                return True
            sweep.send()
            time.sleep(0.3)
        return False


def unknown_state(schema: str) -> str:
    """Return a state that nobody has asked with."""
    return f"{schema}.{uuid.uuid4().hex}{uuid.uuid4().hex[:11]}"
