"""What is refused at a door, before any code is exchanged: no worker runs, so nothing else can refuse it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.proofs.oauth_world import Attempt, Browser, World, unknown_state
from tests.proofs.stage import CONNECT_HOST, PUBLIC_HOST
from tests.proofs.tally import Tally
from tests.proofs.wire import Answer

EVIL = "evil.example"
FOREIGN = (f"https://{EVIL}/", f"//{EVIL}", f"http://{EVIL}@{CONNECT_HOST}/", f"{EVIL}")
WISHES = (
    "next",
    "redirect",
    "redirect_uri",
    "return_to",
    "url",
    "continue",
    "host",
    "target_link_uri",
)
"""Parameters by which somebody may be led elsewhere where they are believed."""
FORWARDED = (
    "X_Forwarded_Host",
    "X_Host",
    "X_Original_Host",
    "X_Forwarded_Server",
    "X_HTTP_Host_Override",
)


@dataclass
class Doors:
    """Attempts that are all begun by the owner, in one browser."""

    world: World
    tally: Tally

    def try_all(self) -> None:
        """Knock at every door in every wrong way, and once in the right one."""
        self._somebody_else()
        self._another_user_in_the_session()
        self._a_second_time()
        self._too_late()
        self._invented()
        self._another_issuer()
        self._elsewhere()
        self._by_another_method()
        self._too_long()
        self._without_the_form()

    def _refused(
        self, kind: str, case: tuple[Any, ...], attempt: Attempt, act: Callable[[], Answer]
    ) -> Answer:
        """Count one wrong way: nothing is exchanged, nobody is led to a link, nothing breaks."""
        before, state = self.world.counts(), self.world.state_of(attempt)
        answer = act()
        changed = self.world.counts() != before or self.world.state_of(attempt) != state
        is_open = answer.status == 303 or answer.status >= 500
        self.tally.count(
            kind, case, failed=changed or is_open, seen=(answer.status, state, changed)
        )
        return answer

    def _honest(self, case: str, attempt: Attempt) -> None:
        """The same attempt, in the right way, still works."""
        works = self.world.walk(attempt)
        self.tally.control(("honest after", case), failed=not works)

    # --- Who ----------------------------------------------------------------------------------------
    def _somebody_else(self) -> None:
        attempt = self.world.begin()
        said = self.world.consent(attempt.url)
        for name, browser in self.world.people.items():
            if name == "owner":
                continue
            self._refused("who", (name,), attempt, partial(self.world.take, said, browser))
        for name, host in {
            "the same session at the neighbour's": self.world.their_host,
            "at the practice's own domain": self.world.custom,
            "at lib-rdv's": PUBLIC_HOST,
            "at the connect host": CONNECT_HOST,
        }.items():
            carried = Browser(self.world.wire, host, self.world.owner.session)
            self._refused("where", (name,), attempt, partial(self.world.take, said, carried))
        self._honest("somebody else", attempt)

    def _another_user_in_the_session(self) -> None:
        """The session's key is the same, but somebody else has signed in since."""
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        world.sign_another_in(world.owner, "autre@example.org")
        self._refused("who", ("another in the same session",), attempt, lambda: world.take(said))
        world.sign_another_in(world.owner, "maite@example.org")
        self._honest("another in the same session", attempt)

    # --- When ---------------------------------------------------------------------------------------
    def _a_second_time(self) -> None:
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        first = world.take(said)
        self.tally.control(("taken once",), failed=first.status != 303, seen=first.status)
        other = {**said, "code": world.consent(attempt.url)["code"]}
        for name, brought in {"the same code": said, "another code": other}.items():
            self._refused("replay", ("return page", name), attempt, partial(world.take, brought))
            self._refused("replay", ("connect host", name), attempt, partial(world.back, brought))
        denied = world.begin()
        world.take(world.consent(denied.url, deny=True))
        self.tally.control(("denied",), failed=world.failure_of(denied) != "refused_by_person")
        late = world.consent(denied.url)
        self._refused("replay", ("after a refusal",), denied, lambda: world.take(late))
        empty = world.begin()
        world.take({"state": empty.state})
        code = world.consent(empty.url)
        self._refused("replay", ("after no code",), empty, lambda: world.take(code))

    def _too_late(self) -> None:
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        world.expire(attempt)
        self._refused("late", ("connect host",), attempt, lambda: world.back(said))
        self._refused("late", ("return page",), attempt, lambda: world.take(said))

    # --- What ---------------------------------------------------------------------------------------
    def _invented(self) -> None:
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        for name, state in _states(attempt.state, world).items():
            wrong = {**said, "state": state}
            self._refused("state", (name, "connect"), attempt, partial(world.back, wrong))
            self._refused("state", (name, "return"), attempt, partial(world.take, wrong))
        without = {"code": said["code"]}
        self._refused("state", ("none", "connect"), attempt, lambda: world.back(without))
        self._refused("state", ("none", "return"), attempt, lambda: world.take(without))
        neighbour = world.people["neighbour"]
        self._refused(
            "state", ("ours, at the neighbour's",), attempt, lambda: world.take(said, neighbour)
        )
        self._honest("invented states", attempt)

    def _another_issuer(self) -> None:
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        issuers = (
            f"https://{EVIL}", "", "accounts.google.com", "https://accounts.google.com/",
            "https://accounts.google.com.evil.example", "HTTPS://ACCOUNTS.GOOGLE.COM",
        )  # fmt: skip
        for issuer in issuers:
            wrong = {**said, "iss": issuer}
            self._refused("issuer", (issuer,), attempt, partial(world.back, wrong))
        self._honest("another issuer", attempt)

    # --- Whither ------------------------------------------------------------------------------------
    def _elsewhere(self) -> None:
        """Whatever is wished for, the way on is the practice's own page of return."""
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        for name, asked, headers in _wishes():
            answer = world.back(said | asked, **headers)
            self._leads_home("redirect: connect host", name, answer, said)
        for host in (EVIL, f"{CONNECT_HOST}.{EVIL}", f"{EVIL}:80", f"{CONNECT_HOST}@{EVIL}"):
            stranger = Browser(world.wire, host)
            query = "&".join(f"{key}={value}" for key, value in said.items() if key != "scope")
            answer = stranger.get(f"/google/retour?{query}")
            case = ("host", host)
            self.tally.count("redirect: connect host", case, failed=answer.status < 400)
        # Nothing of it has changed anything: the attempt still waits.
        self._honest("wishes at the connect host", attempt)
        for name, asked, headers in _wishes():
            self._begin_with(name, asked, headers)

    def _leads_home(
        self, kind: str, name: tuple[str, ...], answer: Answer, said: Mapping[str, str]
    ) -> None:
        where = urlsplit((answer.all("Location") or [""])[0])
        brought = parse_qs(where.query)
        is_ours = (where.scheme, where.netloc, where.path) == (
            "http", f"{self.world.host}:{self.world.port}", self.world.return_path,
        )  # fmt: skip
        is_bare = set(brought) <= {"state", "code", "error"} and brought.get("state") == [
            said["state"]
        ]
        is_right = answer.status == 303 and is_ours and is_bare
        self.tally.count(kind, name, failed=not is_right, seen=(answer.status, where.geturl()))

    def _begin_with(
        self, name: tuple[str, ...], asked: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        """Press the button with a wish beside it: Google is asked to lead to the one address it knows."""
        world = self.world
        person = world.cabinet.practitioner
        answer = world.owner.post(world.connect_path(person), asked, **headers)
        where = urlsplit((answer.all("Location") or [""])[0])
        sent = parse_qs(where.query)
        is_right = (
            f"{where.scheme}://{where.netloc}" == world.double.base
            and sent.get("redirect_uri") == [f"http://{CONNECT_HOST}/google/retour"]
            and EVIL not in (answer.all("Location") or [EVIL])[0]
        )
        # A form that names another host may as well be refused.
        is_right = is_right or answer.status in {400, 403, 404}
        self.tally.count("redirect: button", name, failed=not is_right, seen=where.geturl())

    # --- How ----------------------------------------------------------------------------------------
    def _by_another_method(self) -> None:
        """A look ahead, a mail scanner, a browser that prefetches: nothing is used up."""
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        stranger = world.people["stranger"]
        query = world.back(said).all("Location")[0]
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            self._refused(
                "method", ("return page", method), attempt,
                partial(world.owner.get, query, method=method),
            )  # fmt: skip
        for method in ("GET", "HEAD"):
            self._refused(
                "method", ("return page, no session", method), attempt,
                partial(stranger.get, query, method=method),
            )  # fmt: skip
        prefetch = world.owner.get(query, method="HEAD", Purpose="prefetch", Sec_Purpose="prefetch")
        self.tally.count("method", ("prefetch",), failed=prefetch.status == 303)
        for _again in range(3):
            world.back(said)
        still = world.state_of(attempt) == "asked"
        self.tally.count("method", ("connect host, again and again",), failed=not still)
        self._honest("other methods", attempt)

    def _too_long(self) -> None:
        world = self.world
        attempt = world.begin()
        said = world.consent(attempt.url)
        values = {
            "2,001": "x" * 2_001,
            "3,500": "x" * 3_500,
            "a line": "a\r\nLocation: https://evil.example",
            "a zero": "a\0b",
            "no letters": "\ud7ff\U0010ffff",
        }
        for name, value in values.items():
            for field in ("state", "code", "error"):
                wrong = {**said, field: value}
                answer = world.back(wrong)
                leads_away = any("\n" in where or EVIL in urlsplit(where).netloc
                                 for where in answer.all("Location"))  # fmt: skip
                case = (name, field)
                failed = leads_away or answer.status >= 500
                self.tally.count("odd: connect", case, failed=failed, seen=answer.status)
            wrong = {**said, "state": value}
            self._refused("odd: return", (name, "state"), attempt, partial(world.take, wrong))
        self._honest("odd values", attempt)

    def _without_the_form(self) -> None:
        """Nobody is sent to Google by another site."""
        world = self.world
        attempt = world.begin()
        path = world.connect_path(world.cabinet.practitioner)
        site = {"Origin": f"https://{EVIL}", "Sec_Fetch_Site": "cross-site"}
        tries: dict[str, Callable[[], Answer]] = {
            "no token": lambda: world.owner.post(path, {}, token=""),
            "another token": lambda: world.owner.post(path, {}, token="B" * 32),
            "another origin": lambda: world.owner.post(path, {}, **site),
            "no session": lambda: world.people["stranger"].post(path, {}),
            "no right": lambda: world.people["secretary"].post(path, {}),
            "another practice": lambda: world.people["neighbour"].post(path, {}),
            "GET": lambda: world.owner.get(path),
            "HEAD": lambda: world.owner.get(path, method="HEAD"),
        }
        for name, act in tries.items():
            self._refused("button", (name,), attempt, act)
        self._honest("a button pressed elsewhere", attempt)


def _states(state: str, world: World) -> dict[str, str]:
    """Return states that look like this one."""
    schema, _, token = state.partition(".")
    return {
        "unknown": unknown_state(schema),
        "of the neighbour's schema": f"{world.theirs.schema}.{token}",
        "unknown of the neighbour": unknown_state(world.theirs.schema),
        "of the public schema": f"public.{token}",
        "of no schema": f"t_0000000000000000.{token}",
        "without its schema": token,
        "without its token": f"{schema}.",
        "cut": state[:-1],
        "longer": f"{state}x",
        "in capitals": state.upper(),
        "twice": f"{state}.{state}",
        "another separator": f"{schema}:{token}",
        "a path": f"../{schema}.{token}",
        "SQL": f"{schema}' OR '1'='1.{token}",
        "empty": "",
        "a space": f" {state}",
    }


def _wishes() -> Iterator[tuple[tuple[str, ...], dict[str, str], dict[str, str]]]:
    """Yield every way of wishing to be led elsewhere: parameters, and headers of proxies."""
    for name in WISHES:
        for value in FOREIGN:
            yield ("parameter", name, value), {name: value}, {}
    for header in FORWARDED:
        yield ("header", header), {}, {header: EVIL}
    yield ("header", "Forwarded"), {}, {"Forwarded": f"host={EVIL};proto=https"}
    yield ("header", "Referer"), {}, {"Referer": f"https://{EVIL}/"}
