"""What is refused only when the code is exchanged, by the worker or by Google; all tried, then judged at once."""

from dataclasses import dataclass, field

from tests.proofs.oauth_world import Attempt, World
from tests.proofs.tally import Tally

WRITE, BUSY = "calendar.app.created", "calendar.freebusy"
EXPLAINED = "La case qui permet d’écrire"


@dataclass
class Exchanges:
    """Attempts whose code, nonce, verifier or permissions are not what they should be."""

    world: World
    tally: Tally
    must_fail: dict[str, Attempt] = field(default_factory=dict)

    def try_all(self) -> None:
        """Bring each back, wait for the worker, look what is linked."""
        honest, writing, used = self._honest(), self._unticked(BUSY), self._used_code()
        self._codes()
        self._nonces()
        self.must_fail["unticked: to write"] = self._unticked(WRITE)
        self.must_fail["unticked: everything"] = self._unticked(WRITE, BUSY)
        everybody = [honest, writing, used, *self.must_fail.values()]
        tried = self.world.exchange_all(everybody)
        self.tally.control(("all were tried",), failed=not tried)
        for name, attempt in self.must_fail.items():
            linked = self.world.account_of(attempt)
            is_over = self.world.state_of(attempt) == "failed"
            seen = (linked, self.world.failure_of(attempt))
            self.tally.count(
                "exchange", (name,), failed=linked is not None or not is_over, seen=seen
            )
        self._judge_honest(honest, writing)
        self._judge_explained(self.must_fail["unticked: to write"])
        self._code_twice(used)

    # --- The honest way, and what it may be reduced to ----------------------------------------------
    def _honest(self) -> Attempt:
        attempt = self.world.begin()
        self.tally.control(("brought back",), failed=not self.world.walk(attempt))
        return attempt

    def _judge_honest(self, honest: Attempt, writing: Attempt) -> None:
        linked = self.world.account_of(honest)
        self.tally.control(("linked",), failed=linked != ("connected", True), seen=linked)
        only = self.world.account_of(writing)
        self.tally.count(
            "exchange", ("unticked: busy times, so it only writes",),
            failed=only != ("connected", False), seen=only,
        )  # fmt: skip

    def _unticked(self, *scopes: str) -> Attempt:
        attempt = self.world.begin()
        self.world.take(self.world.consent(attempt.url, untick=list(scopes)))
        return attempt

    def _judge_explained(self, attempt: Attempt) -> None:
        """Who has unticked the permission to write reads why nothing is linked."""
        path = self.world.connect_path(attempt.practitioner).removesuffix("connecter/")
        page = self.world.owner.get(path)
        said = EXPLAINED.lower() in page.text
        self.tally.count("explained", ("no right to write",), failed=not said, seen=page.status)

    # --- Codes --------------------------------------------------------------------------------------
    def _used_code(self) -> Attempt:
        attempt = self.world.begin()
        self.used = self.world.consent(attempt.url)["code"]
        self.world.take({"state": attempt.state, "code": self.used})
        return attempt

    def _code_twice(self, first: Attempt) -> None:
        """A code that has linked one agenda links no other."""
        linked = self.world.account_of(first)
        self.tally.control(("code used once",), failed=linked is None)
        second = self.world.begin()
        self.world.take({"state": second.state, "code": self.used})
        self.world.exchange_all([second])
        found = self.world.account_of(second)
        seen = (found, self.world.failure_of(second))
        self.tally.count("exchange", ("a code twice",), failed=found is not None, seen=seen)

    def _codes(self) -> None:
        world = self.world
        one, two = world.begin(), world.begin()
        brought = {name: world.consent(each.url)["code"] for name, each in (("1", one), ("2", two))}
        world.take({"state": one.state, "code": brought["2"]})
        world.take({"state": two.state, "code": brought["1"]})
        self.must_fail["code of another attempt"] = one
        self.must_fail["code of another attempt, crossed"] = two
        # The challenge alone is another's: who has begun two attempts knows both nonces.
        three, four = world.begin(), world.begin()
        code = world.consent(four.altered(nonce=three.asked["nonce"]))["code"]
        world.take({"state": three.state, "code": code})
        self.must_fail["verifier of another attempt"] = three
        five = world.begin()
        own = world.consent(five.altered(code_challenge="A" * 43))["code"]
        world.take({"state": five.state, "code": own})
        self.must_fail["a challenge of one's own"] = five
        for name, code in {
            "invented": "4/0invented",
            "long": "4/0" + "x" * 1_900,
            "odd": "4/0\u2028\U0010ffff",
            "another's address": "https://evil.example/",
        }.items():
            attempt = world.begin()
            world.take({"state": attempt.state, "code": code})
            self.must_fail[f"code: {name}"] = attempt

    def _nonces(self) -> None:
        """The challenge is right, but the identity token was made for something else."""
        world = self.world
        one, two = world.begin(), world.begin()
        for name, attempt, nonce in (
            ("of another attempt", one, two.asked["nonce"]),
            ("of nobody", two, "x" * 32),
        ):
            code = world.consent(attempt.altered(nonce=nonce))["code"]
            world.take({"state": attempt.state, "code": code})
            self.must_fail[f"nonce: {name}"] = attempt
        three = world.begin()
        url = three.altered(nonce="")
        code = world.consent(url)["code"]
        world.take({"state": three.state, "code": code})
        self.must_fail["nonce: none"] = three
