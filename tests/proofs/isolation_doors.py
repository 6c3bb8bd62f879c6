"""Going in by the real doors, then knocking at everybody else's."""

import re
import time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from tests.proofs.isolation_web import SESSION, Actor, Web
from tests.proofs.stage import CONNECT_HOST, PUBLIC_HOST, Served
from tests.proofs.tally import Tally
from tests.proofs.wire import CSRF, Answer, Ask, Wire
from tests.proofs.world import CLONE, PASSWORD, TOTP_SECRET, Practice

_SESSION = re.compile(rf"{re.escape(SESSION)}=([^;]+)")


class Browser:
    """Somebody at one host, with a cookie jar of two cookies."""

    def __init__(self, wire: Wire, host: str, *, session: str = "") -> None:
        self.wire, self.host, self.session = wire, host, session
        self.network = wire.network()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """Send a request as a browser would: cookies, token, origin."""
        cookies = f"__Host-csrf={CSRF}" + (f"; {SESSION}={self.session}" if self.session else "")
        headers = {
            "Cookie": cookies,
            "X-Forwarded-For": self.network,
            "Origin": f"http://{self.host}",
        }
        if form is not None:
            form = {"csrfmiddlewaretoken": CSRF, **form}
        answer = self.wire.send(Ask(method, path, (self.host.encode(),), headers, form))
        for line in answer.all("Set-Cookie"):
            found = _SESSION.search(line)
            if found:
                self.session = found[1].strip('"')
        return answer

    def sign_in(self, email: str) -> Answer:
        """Send the sign-in form."""
        return self.ask("POST", reverse("account_login"), {"login": email, "password": PASSWORD})


def _totp_code() -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(TOTP_SECRET, int(time.time() // 30))))


def visit(stage: Any, tally: Tally, served: Served, world: Any, *, short: bool) -> None:
    """Sign in everywhere, then send every probe."""
    wire = Wire(served.port)
    one, two = world.one, world.two
    member = Browser(wire, two.host)
    signed_in = member.sign_in(CLONE)
    tally.control(("web", "sign-in"), failed=signed_in.status != 302, seen=signed_in.status)
    dashboard = reverse("dashboard:today")
    home = member.ask("GET", dashboard)
    tally.control(("web", "dashboard"), failed=home.status != 200, seen=home.status)
    two.session = member.session
    staff = _staff(tally, wire)
    _at_home(tally, wire, one)
    _foreign_sessions(tally, wire, one, [member, staff], dashboard)
    _password_links(tally, wire, one, two)
    _note_slot(tally, wire, one, two)
    _form_tokens(stage, tally, wire, one, two)
    _google(stage, tally, wire, world, member)
    actors = [
        Actor("stranger"),
        Actor("user of another tenant", two.session),
        Actor("patient of another tenant", "0" * 32),
        Actor("staff", staff.session),
    ]
    Web(stage, tally, wire, one, two).probe(actors, short=short)


def _staff(tally: Tally, wire: Wire) -> Browser:
    staff = Browser(wire, PUBLIC_HOST)
    staff.sign_in("equipe@example.org")
    answer = staff.ask("POST", reverse("mfa_authenticate"), {"code": _totp_code()})
    tally.control(("web", "staff sign-in"), failed=answer.status != 302, seen=answer.status)
    return staff


def _at_home(tally: Tally, wire: Wire, one: Practice) -> None:
    """At home the words are there: their absence elsewhere means something."""
    home = Browser(wire, one.host)
    seen = home.ask("GET", "/").text
    tally.control(("web", "public page"), failed=one.public not in seen)
    link = reverse("booking:manage", args=[one.tokens["manage"]])
    answer = home.ask("GET", link)
    tally.control(("web", "own link"), failed=answer.status != 200, seen=answer.status)
    custom = Browser(wire, one.custom)
    tally.control(("web", "custom domain"), failed=one.public not in custom.ask("GET", "/").text)


def _foreign_sessions(
    tally: Tally, wire: Wire, one: Practice, people: list[Browser], dashboard: str
) -> None:
    """A session of another host opens nothing, even for an account that looks the same."""
    for person in people:
        for host in (one.host, one.custom, PUBLIC_HOST):
            if person.host == host:
                continue
            intruder = Browser(wire, host, session=person.session)
            answer = intruder.ask("GET", dashboard)
            case = ("session", person.host, host)
            tally.count("http", case, failed=answer.status == 200, seen=answer.status)
    custom = Browser(wire, one.custom)
    for path in (dashboard, reverse("account_login")):
        answer = custom.ask("GET", path)
        tally.count("http", ("custom", path), failed=answer.status != 404, seen=answer.status)


def _password_links(tally: Tally, wire: Wire, one: Practice, two: Practice) -> None:
    """A link to choose a password opens at the practice that sent it, and at no other."""
    for maker, host, opens in ((one, one, True), (two, one, False), (one, two, False)):
        path = reverse(
            "account_reset_password_from_key",
            kwargs={"uidb36": maker.tokens["reset uid"], "key": maker.tokens["reset"]},
        )
        answer = Browser(wire, host.host).ask("GET", path)
        has_opened = answer.status == 302
        if opens:
            tally.control(("web", "own password link"), failed=not has_opened, seen=answer.status)
        else:
            case = ("password link", maker.name, host.name)
            tally.count("tokens", case, failed=has_opened, seen=answer.status)


def _note_slot(tally: Tally, wire: Wire, *practices: Practice) -> None:
    """Take a slot's value from each public page, as it stands in the button."""
    for practice in practices:
        page = Browser(wire, practice.host).ask("GET", "/creneaux/").body.decode()
        found = re.findall(r'name="slot" value="([^"]+)"', page)
        tally.control(("web", "slots", practice.name), failed=not found)
        # The last one: the first may have passed when a long run comes back to it.
        practice.tokens["slot"] = found[-1] if found else ""


def _form_tokens(stage: Any, tally: Tally, wire: Wire, one: Practice, two: Practice) -> None:
    """A form of one practice, sent to another one with that one's own slot, holds nothing."""
    held = f'SELECT count(*) FROM "{one.unit.schema}".booking_appointment WHERE status = %s'
    form = {"slot": one.tokens["slot"], "motif": one.refs["appointmenttype"].hex}
    for maker, accepted in ((two, False), (one, True)):
        before = stage.owner(held, ["held"])
        token = {"token": maker.tokens["form choose"]}
        answer = Browser(wire, one.host).ask("POST", reverse("booking:choose"), {**form, **token})
        has_held = stage.owner(held, ["held"]) != before
        if accepted:
            tally.control(("web", "own form"), failed=not has_held, seen=answer.status)
        else:
            tally.count("tokens", ("form over http",), failed=has_held, seen=answer.status)


def _google(stage: Any, tally: Tally, wire: Wire, world: Any, member: Browser) -> None:
    """What comes back from Google goes to the practice that asked, and serves nobody of another one."""
    one, two = world.one, world.two
    state, nobody = one.tokens["google state"], Browser(wire, CONNECT_HOST)
    home = _back(nobody, state)
    is_home = home.status == 303 and f"//{one.host}:" in "".join(home.all("Location"))
    tally.control(("web", "google sends back"), failed=not is_home, seen=home.status)
    _schema, _dot, token = state.partition(".")
    arrival = f"{reverse('dashboard:google_return')}?{_query(state)}"
    for case, asked in (
        ("another issuer", _back(nobody, state, iss="https://accounts.example")),
        ("another practice's", _back(nobody, f"{two.unit.schema}.{token}")),
        ("at another host", member.ask("GET", arrival)),
        ("another session", Browser(wire, one.host, session=member.session).ask("GET", arrival)),
    ):
        is_taken = asked.status == 303
        tally.count("google", (case,), failed=is_taken, seen=asked.status)
    waiting = f'SELECT count(*) FROM "{one.unit.schema}".booking_authorization WHERE state = %s'
    left = stage.owner(waiting, ["asked"])
    tally.count("google", ("still waits",), failed=left != [(1,)], seen=left)
    _knocks(tally, wire, one, two)


def _knocks(tally: Tally, wire: Wire, one: Practice, two: Practice) -> None:
    """A channel is heard in the practice whose it is, with its own token, and nowhere else."""
    for name, schema, channel, token, is_heard in (
        ("own", two, two, two, True),
        ("another schema", two, one, one, False),
        ("another token", one, one, two, False),
        ("another channel", two, one, two, False),
    ):
        path = reverse("google_signal", urlconf=settings.CONNECT_URLCONF, args=[schema.unit.schema])
        headers = {
            "X-Goog-Channel-ID": str(channel.refs["channel"]),
            "X-Goog-Channel-Token": token.tokens["google channel"],
            "X-Goog-Resource-State": "sync",
        }
        answer = wire.send(Ask("POST", path, (CONNECT_HOST.encode(),), headers, {}))
        was_heard = answer.status == 204
        if is_heard:
            tally.control(("web", "google knocks"), failed=not was_heard, seen=answer.status)
        else:
            tally.count("google", ("knock", name), failed=was_heard, seen=answer.status)


def _back(somebody: Browser, state: str, **more: str) -> Answer:
    path = reverse("google_back", urlconf=settings.CONNECT_URLCONF)
    return somebody.ask("GET", f"{path}?{_query(state, **more)}")


def _query(state: str, **more: str) -> str:
    return urlencode({"state": state, "code": "4/fictif", **more})
