"""Requests that must be refused before a code is exchanged; no worker runs, which could refuse them too."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import CONNECT_HOST, PUBLIC_HOST
from tests.proofs.oauth_dataset import ConsentAttempt, OAuthBrowser, OAuthDataset, unknown_state
from tests.proofs.raw_http import RawAnswer

EVIL = "evil.example"
FOREIGN = (f"https://{EVIL}/", f"//{EVIL}", f"http://{EVIL}@{CONNECT_HOST}/", f"{EVIL}")
REDIRECT_PARAMETERS = (
    "next",
    "redirect",
    "redirect_uri",
    "return_to",
    "url",
    "continue",
    "host",
    "target_link_uri",
)
"""Parameters that redirect a browser where a site believes them."""
FORWARDED = (
    "X_Forwarded_Host",
    "X_Host",
    "X_Original_Host",
    "X_Forwarded_Server",
    "X_HTTP_Host_Override",
)


@dataclass
class OAuthRefusals:
    """The refused requests, for attempts that the owner begins in one browser."""

    dataset: OAuthDataset
    counter: CaseCounter

    def try_all(self) -> None:
        """Send all wrong requests, and the right one after each kind."""
        self._other_people()
        self._another_user_in_the_session()
        self._a_second_time()
        self._too_late()
        self._invented()
        self._another_issuer()
        self._other_targets()
        self._by_another_method()
        self._too_long()
        self._without_the_form()

    def _refused(
        self,
        kind: str,
        case: tuple[Any, ...],
        attempt: ConsentAttempt,
        send: Callable[[], RawAnswer],
    ) -> RawAnswer:
        """Count one wrong request: no exchange begins, no redirect follows, no state changes."""
        before, state = self.dataset.counts(), self.dataset.state_of(attempt)
        answer = send()
        changed = self.dataset.counts() != before or self.dataset.state_of(attempt) != state
        is_open = answer.status == 303 or answer.status >= 500
        self.counter.count(
            kind,
            case,
            failed=changed or is_open,
            seen=(answer.status, state, changed),
            status=0 if changed else answer.status,
        )
        return answer

    def _honest(self, case: str, attempt: ConsentAttempt) -> None:
        """Count a control: the same attempt still works when it is completed in the right way."""
        works = self.dataset.walk(attempt)
        self.counter.control(("honest after", case), failed=not works)

    # --- Other people ----------------------------------------------------------------------------------------
    def _other_people(self) -> None:
        attempt = self.dataset.begin()
        returned = self.dataset.consent(attempt.url)
        for name, browser in self.dataset.people.items():
            if name == "owner":
                continue
            self._refused("who", (name,), attempt, partial(self.dataset.take, returned, browser))
        for name, host in {
            "the same session at the neighbour's": self.dataset.their_host,
            "at the practice's own domain": self.dataset.custom,
            "at lib-rdv's": PUBLIC_HOST,
            "at the connect host": CONNECT_HOST,
        }.items():
            carried = OAuthBrowser(self.dataset.http, host, self.dataset.owner.session)
            self._refused("where", (name,), attempt, partial(self.dataset.take, returned, carried))
        self._honest("other people", attempt)

    def _another_user_in_the_session(self) -> None:
        """The session key is the same, but another user has signed in since."""
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        dataset.sign_another_in(dataset.owner, "autre@example.org")
        self._refused(
            "who", ("another in the same session",), attempt, lambda: dataset.take(returned)
        )
        dataset.sign_another_in(dataset.owner, "maite@example.org")
        self._honest("another in the same session", attempt)

    # --- At another time ---------------------------------------------------------------------------------------
    def _a_second_time(self) -> None:
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        first = dataset.take(returned)
        self.counter.control(("taken once",), failed=first.status != 303, status=first.status)
        other = {**returned, "code": dataset.consent(attempt.url)["code"]}
        for name, brought in {"the same code": returned, "another code": other}.items():
            self._refused("replay", ("return page", name), attempt, partial(dataset.take, brought))
            self._refused("replay", ("connect host", name), attempt, partial(dataset.back, brought))
        denied = dataset.begin()
        dataset.take(dataset.consent(denied.url, deny=True))
        self.counter.control(("denied",), failed=dataset.failure_of(denied) != "refused_by_person")
        late = dataset.consent(denied.url)
        self._refused("replay", ("after a refusal",), denied, lambda: dataset.take(late))
        empty = dataset.begin()
        dataset.take({"state": empty.state})
        code = dataset.consent(empty.url)
        self._refused("replay", ("after no code",), empty, lambda: dataset.take(code))

    def _too_late(self) -> None:
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        dataset.expire(attempt)
        self._refused("late", ("connect host",), attempt, lambda: dataset.back(returned))
        self._refused("late", ("return page",), attempt, lambda: dataset.take(returned))

    # --- Other states ---------------------------------------------------------------------------------------
    def _invented(self) -> None:
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        for name, state in _states(attempt.state, dataset).items():
            wrong = {**returned, "state": state}
            self._refused("state", (name, "connect"), attempt, partial(dataset.back, wrong))
            self._refused("state", (name, "return"), attempt, partial(dataset.take, wrong))
        without = {"code": returned["code"]}
        self._refused("state", ("none", "connect"), attempt, lambda: dataset.back(without))
        self._refused("state", ("none", "return"), attempt, lambda: dataset.take(without))
        neighbour = dataset.people["neighbour"]
        self._refused(
            "state",
            ("ours, at the neighbour's",),
            attempt,
            lambda: dataset.take(returned, neighbour),
        )
        self._honest("invented states", attempt)

    def _another_issuer(self) -> None:
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        issuers = (
            f"https://{EVIL}", "", "accounts.google.com", "https://accounts.google.com/",
            "https://accounts.google.com.evil.example", "HTTPS://ACCOUNTS.GOOGLE.COM",
        )  # fmt: skip
        for issuer in issuers:
            wrong = {**returned, "iss": issuer}
            self._refused("issuer", (issuer,), attempt, partial(dataset.back, wrong))
        self._honest("another issuer", attempt)

    # --- Other redirects ------------------------------------------------------------------------------------
    def _other_targets(self) -> None:
        """Whatever the request asks for, the redirect leads to the practice's own return page."""
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        for name, asked, headers in _redirect_requests():
            answer = dataset.back(returned | asked, **headers)
            self._count_redirect("redirect: connect host", name, answer, returned)
        for host in (EVIL, f"{CONNECT_HOST}.{EVIL}", f"{EVIL}:80", f"{CONNECT_HOST}@{EVIL}"):
            stranger = OAuthBrowser(dataset.http, host)
            query = "&".join(f"{key}={value}" for key, value in returned.items() if key != "scope")
            answer = stranger.get(f"/google/retour?{query}")
            case = ("host", host)
            self.counter.count("redirect: connect host", case, failed=answer.status < 400)
        # The attempt is unchanged.
        self._honest("redirects at the connect host", attempt)
        for name, asked, headers in _redirect_requests():
            self._begin_with(name, asked, headers)

    def _count_redirect(
        self, kind: str, name: tuple[str, ...], answer: RawAnswer, returned: Mapping[str, str]
    ) -> None:
        where = urlsplit((answer.all("Location") or [""])[0])
        brought = parse_qs(where.query)
        is_ours = (where.scheme, where.netloc, where.path) == (
            "http", f"{self.dataset.host}:{self.dataset.port}", self.dataset.return_path,
        )  # fmt: skip
        is_bare = set(brought) <= {"state", "code", "error"} and brought.get("state") == [
            returned["state"]
        ]
        is_right = answer.status == 303 and is_ours and is_bare
        self.counter.count(kind, name, failed=not is_right, seen=(answer.status, where.geturl()))

    def _begin_with(
        self, name: tuple[str, ...], asked: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        """Press the button with a redirect parameter: Google must get the one redirect address that it knows."""
        dataset = self.dataset
        person = dataset.cabinet.practitioner
        answer = dataset.owner.post(dataset.connect_path(person), asked, **headers)
        where = urlsplit((answer.all("Location") or [""])[0])
        sent = parse_qs(where.query)
        is_right = (
            f"{where.scheme}://{where.netloc}" == dataset.fake_google.base
            and sent.get("redirect_uri") == [f"http://{CONNECT_HOST}/google/retour"]
            and EVIL not in (answer.all("Location") or [EVIL])[0]
        )
        # A form that names another host may also be refused.
        is_right = is_right or answer.status in {400, 403, 404}
        self.counter.count("redirect: button", name, failed=not is_right, seen=where.geturl())

    # --- Other requests ----------------------------------------------------------------------------------------
    def _by_another_method(self) -> None:
        """Requests of mail scanners and prefetching browsers do not use up an attempt."""
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        stranger = dataset.people["stranger"]
        query = dataset.back(returned).all("Location")[0]
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            self._refused(
                "method", ("return page", method), attempt,
                partial(dataset.owner.get, query, method=method),
            )  # fmt: skip
        for method in ("GET", "HEAD"):
            self._refused(
                "method", ("return page, no session", method), attempt,
                partial(stranger.get, query, method=method),
            )  # fmt: skip
        prefetch = dataset.owner.get(
            query, method="HEAD", Purpose="prefetch", Sec_Purpose="prefetch"
        )
        self.counter.count("method", ("prefetch",), failed=prefetch.status == 303)
        for _again in range(3):
            dataset.back(returned)
        still = dataset.state_of(attempt) == "asked"
        self.counter.count("method", ("connect host, several times",), failed=not still)
        self._honest("other methods", attempt)

    def _too_long(self) -> None:
        dataset = self.dataset
        attempt = dataset.begin()
        returned = dataset.consent(attempt.url)
        values = {
            "2,001": "x" * 2_001,
            "3,500": "x" * 3_500,
            "a line": "a\r\nLocation: https://evil.example",
            "a zero": "a\0b",
            "no letters": "\ud7ff\U0010ffff",
        }
        for name, value in values.items():
            for field in ("state", "code", "error"):
                wrong = {**returned, field: value}
                answer = dataset.back(wrong)
                leads_away = any("\n" in where or EVIL in urlsplit(where).netloc
                                 for where in answer.all("Location"))  # fmt: skip
                case = (name, field)
                failed = leads_away or answer.status >= 500
                self.counter.count("odd: connect", case, failed=failed, status=answer.status)
            wrong = {**returned, "state": value}
            self._refused("odd: return", (name, "state"), attempt, partial(dataset.take, wrong))
        self._honest("odd values", attempt)

    def _without_the_form(self) -> None:
        """Another site cannot begin an attempt."""
        dataset = self.dataset
        attempt = dataset.begin()
        path = dataset.connect_path(dataset.cabinet.practitioner)
        site = {"Origin": f"https://{EVIL}", "Sec_Fetch_Site": "cross-site"}
        tries: dict[str, Callable[[], RawAnswer]] = {
            "no token": lambda: dataset.owner.post(path, {}, token=""),
            "another token": lambda: dataset.owner.post(path, {}, token="B" * 32),
            "another origin": lambda: dataset.owner.post(path, {}, **site),
            "no session": lambda: dataset.people["stranger"].post(path, {}),
            "no right": lambda: dataset.people["secretary"].post(path, {}),
            "another practice": lambda: dataset.people["neighbour"].post(path, {}),
            "GET": lambda: dataset.owner.get(path),
            "HEAD": lambda: dataset.owner.get(path, method="HEAD"),
        }
        for name, send in tries.items():
            self._refused("button", (name,), attempt, send)
        self._honest("a button pressed elsewhere", attempt)


def _states(state: str, dataset: OAuthDataset) -> dict[str, str]:
    """Return states that look like this one."""
    schema, _, token = state.partition(".")
    return {
        "unknown": unknown_state(schema),
        "of the neighbour's schema": f"{dataset.theirs.schema}.{token}",
        "unknown of the neighbour": unknown_state(dataset.theirs.schema),
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


def _redirect_requests() -> Iterator[tuple[tuple[str, ...], dict[str, str], dict[str, str]]]:
    """Yield each way to ask for a redirect to another host: parameters, and headers of proxies."""
    for name in REDIRECT_PARAMETERS:
        for value in FOREIGN:
            yield ("parameter", name, value), {name: value}, {}
    for header in FORWARDED:
        yield ("header", header), {}, {header: EVIL}
    yield ("header", "Forwarded"), {}, {"Forwarded": f"host={EVIL};proto=https"}
    yield ("header", "Referer"), {}, {"Referer": f"https://{EVIL}/"}
