"""Attempts that are refused when their code is exchanged, by the worker or by Google."""

from dataclasses import dataclass, field

from tests.proofs.counter import CaseCounter
from tests.proofs.oauth_dataset import ConsentAttempt, OAuthDataset

WRITE, BUSY = "calendar.app.created", "calendar.freebusy"
REASON = "La case qui permet d’écrire"


@dataclass
class Exchanges:
    """Attempts whose code, nonce, verifier or permissions are not what they should be."""

    dataset: OAuthDataset
    counter: CaseCounter
    must_fail: dict[str, ConsentAttempt] = field(default_factory=dict)

    def try_all(self) -> None:
        """Bring each attempt back, wait for the worker, and count the accounts that are linked."""
        honest, writing, used = self._honest(), self._unticked(BUSY), self._used_code()
        self._codes()
        self._nonces()
        self.must_fail["unticked: to write"] = self._unticked(WRITE)
        self.must_fail["unticked: everything"] = self._unticked(WRITE, BUSY)
        attempts = [honest, writing, used, *self.must_fail.values()]
        tried = self.dataset.exchange_all(attempts)
        self.counter.control(("all were tried",), failed=not tried)
        for name, attempt in self.must_fail.items():
            linked = self.dataset.account_of(attempt)
            is_over = self.dataset.state_of(attempt) == "failed"
            seen = (linked, self.dataset.failure_of(attempt))
            self.counter.count(
                "exchange", (name,), failed=linked is not None or not is_over, seen=seen
            )
        self._judge_honest(honest, writing)
        self._count_reason(self.must_fail["unticked: to write"])
        self._code_twice(used)

    # --- The honest sequence, and fewer permissions ----------------------------------------------
    def _honest(self) -> ConsentAttempt:
        attempt = self.dataset.begin()
        self.counter.control(("brought back",), failed=not self.dataset.walk(attempt))
        return attempt

    def _judge_honest(self, honest: ConsentAttempt, writing: ConsentAttempt) -> None:
        linked = self.dataset.account_of(honest)
        self.counter.control(("linked",), failed=linked != ("connected", True), seen=linked)
        only = self.dataset.account_of(writing)
        self.counter.count(
            "exchange", ("unticked: busy times, so it only writes",),
            failed=only != ("connected", False), seen=only,
        )  # fmt: skip

    def _unticked(self, *scopes: str) -> ConsentAttempt:
        attempt = self.dataset.begin()
        self.dataset.take(self.dataset.consent(attempt.url, untick=list(scopes)))
        return attempt

    def _count_reason(self, attempt: ConsentAttempt) -> None:
        """The page explains why nothing is linked without the permission to write."""
        path = self.dataset.connect_path(attempt.practitioner).removesuffix("connecter/")
        page = self.dataset.owner.get(path)
        is_shown = REASON.lower() in page.text
        self.counter.count(
            "reason shown", ("no right to write",), failed=not is_shown, seen=page.status
        )

    # --- Codes --------------------------------------------------------------------------------------
    def _used_code(self) -> ConsentAttempt:
        attempt = self.dataset.begin()
        self.used = self.dataset.consent(attempt.url)["code"]
        self.dataset.take({"state": attempt.state, "code": self.used})
        return attempt

    def _code_twice(self, first: ConsentAttempt) -> None:
        """A code that has linked one agenda links no other."""
        linked = self.dataset.account_of(first)
        self.counter.control(("code used once",), failed=linked is None)
        second = self.dataset.begin()
        self.dataset.take({"state": second.state, "code": self.used})
        self.dataset.exchange_all([second])
        found = self.dataset.account_of(second)
        seen = (found, self.dataset.failure_of(second))
        self.counter.count("exchange", ("a code twice",), failed=found is not None, seen=seen)

    def _codes(self) -> None:
        dataset = self.dataset
        first, second = dataset.begin(), dataset.begin()
        brought = {
            name: dataset.consent(each.url)["code"] for name, each in (("1", first), ("2", second))
        }
        dataset.take({"state": first.state, "code": brought["2"]})
        dataset.take({"state": second.state, "code": brought["1"]})
        self.must_fail["code of another attempt"] = first
        self.must_fail["code of another attempt, crossed"] = second
        # Only the challenge is of another attempt: whoever has begun both knows both nonces.
        three, four = dataset.begin(), dataset.begin()
        code = dataset.consent(four.altered(nonce=three.asked["nonce"]))["code"]
        dataset.take({"state": three.state, "code": code})
        self.must_fail["verifier of another attempt"] = three
        five = dataset.begin()
        own = dataset.consent(five.altered(code_challenge="A" * 43))["code"]
        dataset.take({"state": five.state, "code": own})
        self.must_fail["a challenge of one's own"] = five
        for name, code in {
            "invented": "4/0invented",
            "long": "4/0" + "x" * 1_900,
            "odd": "4/0\u2028\U0010ffff",
            "another's address": "https://evil.example/",
        }.items():
            attempt = dataset.begin()
            dataset.take({"state": attempt.state, "code": code})
            self.must_fail[f"code: {name}"] = attempt

    def _nonces(self) -> None:
        """The challenge is right, but the nonce of the identity token is another one."""
        dataset = self.dataset
        first, second = dataset.begin(), dataset.begin()
        for name, attempt, nonce in (
            ("of another attempt", first, second.asked["nonce"]),
            ("of no attempt", second, "x" * 32),
        ):
            code = dataset.consent(attempt.altered(nonce=nonce))["code"]
            dataset.take({"state": attempt.state, "code": code})
            self.must_fail[f"nonce: {name}"] = attempt
        three = dataset.begin()
        url = three.altered(nonce="")
        code = dataset.consent(url)["code"]
        dataset.take({"state": three.state, "code": code})
        self.must_fail["nonce: none"] = three
