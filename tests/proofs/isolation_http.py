"""Sign in at one practice, then use its sessions, links and tokens at another one, over HTTP."""

import re
import time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from tests.proofs.counter import CaseCounter
from tests.proofs.dataset import CLONE, PASSWORD, TOTP_SECRET, CanaryPractice
from tests.proofs.environment import CONNECT_HOST, PUBLIC_HOST, WebProcess
from tests.proofs.isolation_web import SESSION, HttpActor, HttpProbes
from tests.proofs.raw_http import CSRF, RawAnswer, RawHttpClient, RawRequest

_SESSION = re.compile(rf"{re.escape(SESSION)}=([^;]+)")


class IsolationBrowser:
    """A browser on one host, with its session cookie and its CSRF cookie."""

    def __init__(self, http: RawHttpClient, host: str, *, session: str = "") -> None:
        self.http, self.host, self.session = http, host, session
        self.network = http.network()

    def request(self, method: str, path: str, form: dict[str, str] | None = None) -> RawAnswer:
        """Send a request as a browser does: cookies, CSRF token, origin."""
        cookies = f"__Host-csrf={CSRF}" + (f"; {SESSION}={self.session}" if self.session else "")
        headers = {
            "Cookie": cookies,
            "X-Forwarded-For": self.network,
            "Origin": f"http://{self.host}",
        }
        if form is not None:
            form = {"csrfmiddlewaretoken": CSRF, **form}
        answer = self.http.send(RawRequest(method, path, (self.host.encode(),), headers, form))
        for line in answer.all("Set-Cookie"):
            found = _SESSION.search(line)
            if found:
                self.session = found[1].strip('"')
        return answer

    def sign_in(self, email: str) -> RawAnswer:
        """Send the sign-in form."""
        return self.request(
            "POST", reverse("account_login"), {"login": email, "password": PASSWORD}
        )


def _totp_code() -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(TOTP_SECRET, int(time.time() // 30))))


def visit(
    environment: Any, counter: CaseCounter, web: WebProcess, dataset: Any, *, short: bool
) -> None:
    """Sign in as a member and as lib-rdv's staff, then send every probe."""
    http = RawHttpClient(web.port)
    first, second = dataset.first, dataset.second
    member = IsolationBrowser(http, second.host)
    signed_in = member.sign_in(CLONE)
    counter.control(("web", "sign-in"), failed=signed_in.status != 302, status=signed_in.status)
    dashboard = reverse("dashboard:today")
    home = member.request("GET", dashboard)
    counter.control(("web", "dashboard"), failed=home.status != 200, status=home.status)
    second.session = member.session
    staff = _staff(counter, http)
    _own_pages(counter, http, first)
    _foreign_sessions(counter, http, first, [member, staff], dashboard)
    _password_links(counter, http, first, second)
    _note_slot(counter, http, first, second)
    _form_tokens(environment, counter, http, first, second)
    _google(environment, counter, http, dataset, member)
    actors = [
        HttpActor("stranger"),
        HttpActor("user of another tenant", second.session),
        HttpActor("patient of another tenant", "0" * 32),
        HttpActor("staff", staff.session),
    ]
    HttpProbes(environment, counter, http, first, second).probe(actors, short=short)


def _staff(counter: CaseCounter, http: RawHttpClient) -> IsolationBrowser:
    staff = IsolationBrowser(http, PUBLIC_HOST)
    staff.sign_in("equipe@example.org")
    answer = staff.request("POST", reverse("mfa_authenticate"), {"code": _totp_code()})
    counter.control(("web", "staff sign-in"), failed=answer.status != 302, status=answer.status)
    return staff


def _own_pages(counter: CaseCounter, http: RawHttpClient, first: CanaryPractice) -> None:
    """The canaries stand on the practice's own pages: only then does their absence elsewhere prove anything."""
    visitor = IsolationBrowser(http, first.host)
    seen = visitor.request("GET", "/").text
    counter.control(("web", "public page"), failed=first.public not in seen)
    link = reverse("booking:manage", args=[first.tokens["manage"]])
    answer = visitor.request("GET", link)
    counter.control(("web", "own link"), failed=answer.status != 200, status=answer.status)
    custom = IsolationBrowser(http, first.custom)
    counter.control(
        ("web", "custom domain"), failed=first.public not in custom.request("GET", "/").text
    )


def _foreign_sessions(
    counter: CaseCounter,
    http: RawHttpClient,
    first: CanaryPractice,
    people: list[IsolationBrowser],
    dashboard: str,
) -> None:
    """A session of another host opens nothing, even for an account with the same key and password."""
    for person in people:
        for host in (first.host, first.custom, PUBLIC_HOST):
            if person.host == host:
                continue
            intruder = IsolationBrowser(http, host, session=person.session)
            answer = intruder.request("GET", dashboard)
            case = ("session", person.host, host)
            counter.count("http", case, failed=answer.status == 200, status=answer.status)
    custom = IsolationBrowser(http, first.custom)
    for path in (dashboard, reverse("account_login")):
        answer = custom.request("GET", path)
        counter.count("http", ("custom", path), failed=answer.status != 404, status=answer.status)


def _password_links(
    counter: CaseCounter, http: RawHttpClient, first: CanaryPractice, second: CanaryPractice
) -> None:
    """A password link opens at the practice that sent it, and at no other."""
    for maker, host, opens in (
        (first, first, True),
        (second, first, False),
        (first, second, False),
    ):
        path = reverse(
            "account_reset_password_from_key",
            kwargs={"uidb36": maker.tokens["reset uid"], "key": maker.tokens["reset"]},
        )
        answer = IsolationBrowser(http, host.host).request("GET", path)
        has_opened = answer.status == 302
        if opens:
            counter.control(
                ("web", "own password link"), failed=not has_opened, status=answer.status
            )
        else:
            case = ("password link", maker.name, host.name)
            counter.count("tokens", case, failed=has_opened, status=answer.status)


def _note_slot(counter: CaseCounter, http: RawHttpClient, *practices: CanaryPractice) -> None:
    """Read the value of a slot's button from each public page."""
    for practice in practices:
        page = IsolationBrowser(http, practice.host).request("GET", "/creneaux/").body.decode()
        found = re.findall(r'name="slot" value="([^"]+)"', page)
        counter.control(("web", "slots", practice.name), failed=not found)
        # The last one: the first may have begun when a long run uses it.
        practice.tokens["slot"] = found[-1] if found else ""


def _form_tokens(
    environment: Any,
    counter: CaseCounter,
    http: RawHttpClient,
    first: CanaryPractice,
    second: CanaryPractice,
) -> None:
    """A form token of one practice, sent to another one with a slot of that one, holds nothing."""
    count_holds = (
        f'SELECT count(*) FROM "{first.unit.schema}".booking_appointment WHERE status = %s'
    )
    form = {"slot": first.tokens["slot"], "appointment_type": first.refs["appointmenttype"].hex}
    for maker, accepted in ((second, False), (first, True)):
        before = environment.owner(count_holds, ["held"])
        token = {"token": maker.tokens["form choose"]}
        answer = IsolationBrowser(http, first.host).request(
            "POST", reverse("booking:choose"), {**form, **token}
        )
        has_held = environment.owner(count_holds, ["held"]) != before
        if accepted:
            counter.control(("web", "own form"), failed=not has_held, status=answer.status)
        else:
            counter.count("tokens", ("form over http",), failed=has_held, status=answer.status)


def _google(
    environment: Any,
    counter: CaseCounter,
    http: RawHttpClient,
    dataset: Any,
    member: IsolationBrowser,
) -> None:
    """Google's answer is handed to the practice that asked for it, and is of no use in another session."""
    first, second = dataset.first, dataset.second
    state = first.tokens["google state"]
    stranger = IsolationBrowser(http, CONNECT_HOST)
    home = _back(stranger, state)
    is_home = home.status == 303 and f"//{first.host}:" in "".join(home.all("Location"))
    counter.control(("web", "google sends back"), failed=not is_home, status=home.status)
    _schema, _dot, token = state.partition(".")
    arrival = f"{reverse('dashboard:google_return')}?{_query(state)}"
    for case, asked in (
        ("another issuer", _back(stranger, state, iss="https://accounts.example")),
        ("another practice's", _back(stranger, f"{second.unit.schema}.{token}")),
        ("at another host", member.request("GET", arrival)),
        (
            "another session",
            IsolationBrowser(http, first.host, session=member.session).request("GET", arrival),
        ),
    ):
        is_taken = asked.status == 303
        counter.count("google", (case,), failed=is_taken, status=asked.status)
    waiting = f'SELECT count(*) FROM "{first.unit.schema}".booking_authorization WHERE state = %s'
    left = environment.owner(waiting, ["asked"])
    counter.count("google", ("still waits",), failed=left != [(1,)], seen=left)
    _signals(counter, http, first, second)


def _signals(
    counter: CaseCounter, http: RawHttpClient, first: CanaryPractice, second: CanaryPractice
) -> None:
    """A signal is accepted only in the practice of its channel and with the channel's token."""
    for name, schema, channel, token, is_accepted in (
        ("own", second, second, second, True),
        ("another schema", second, first, first, False),
        ("another token", first, first, second, False),
        ("another channel", second, first, second, False),
    ):
        path = reverse("google_signal", urlconf=settings.CONNECT_URLCONF, args=[schema.unit.schema])
        headers = {
            "X-Goog-Channel-ID": str(channel.refs["channel"]),
            "X-Goog-Channel-Token": token.tokens["google channel"],
            "X-Goog-Resource-State": "sync",
        }
        answer = http.send(RawRequest("POST", path, (CONNECT_HOST.encode(),), headers, {}))
        was_accepted = answer.status == 204
        if is_accepted:
            counter.control(
                ("web", "google signals"), failed=not was_accepted, status=answer.status
            )
        else:
            counter.count("google", ("signal", name), failed=was_accepted, status=answer.status)


def _back(browser: IsolationBrowser, state: str, **more: str) -> RawAnswer:
    path = reverse("google_back", urlconf=settings.CONNECT_URLCONF)
    return browser.request("GET", f"{path}?{_query(state, **more)}")


def _query(state: str, **more: str) -> str:
    return urlencode({"state": state, "code": "4/fictif", **more})
