"""The double beside the lives: what it is told of people, and where it may stand."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from tests.proofs.double import Double

ADDRESS, NEIGHBOUR = "praticienne@exemple.fr", "voisine@exemple.fr"
WORDS = ("summary", "description")
"""The two places in which an event may name its person."""
_WRITES = ("calendar.events.insert", "calendar.events.patch")
ENVIRONMENT = {
    "GOOGLE_BACKOFF_SECONDS": "0.2",
    "GOOGLE_LONGEST_WAIT_SECONDS": "1",
    "GOOGLE_BREAKER_SECONDS": "1",
    "GOOGLE_TIMEOUT_SECONDS": "2",
}


@dataclass
class Linked:
    """One practitioner's account at the double, which names people (L2)."""

    stage: Any
    unit: Any
    double: Double
    account_id: int = 0
    calendar: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """What only the sealed row may know."""

    def link(self, practitioner: Any) -> None:
        """Link the practitioner, and let the next pushes fail in every way, one of them for good."""
        from booking.event_body import Level
        from booking.models import GoogleAccount
        from booking.services.google.accounts import open_secret
        from tenants.schema import inside
        from tests.proofs.google_practice import link

        self.account_id = link(
            self.double, self.unit, practitioner, address=ADDRESS, level=Level.NAMED.value
        )
        with inside(self.unit):
            account = GoogleAccount.objects.select_related("data_key").get(pk=self.account_id)
            secret = open_secret(account)
        self.calendar = secret.calendar
        self.secrets = {
            "refresh token": secret.refresh_token,
            "access token": secret.access_token,
            "calendar": secret.calendar,
        }
        self.double.fail("insert", "503", "drop_after", "403 forbidden", "not_json", "cut", "html")

    def wait_until_written(self, sweep: Callable[[], None], *, seconds: float) -> bool:
        """Wait until nothing waits to be written; False when it was not in time."""
        return self._wait(
            "SELECT count(*) FROM {0}.booking_calendarentry WHERE wanted > pushed AND NOT is_held_back"
            " AND account_id IS NOT NULL",
            sweep,
            seconds,
        )

    def leave(self, sweep: Callable[[], None], *, seconds: float) -> bool:
        """End the link, while Google refuses to revoke it; False when it did not end in time."""
        from booking.models import GoogleAccount
        from booking.services.google import leaving
        from tenants.schema import inside

        self.double.order("faults", method="oauth.revoke", faults=["503"])
        with inside(self.unit):
            leaving.leave(
                account=GoogleAccount.objects.get(pk=self.account_id),
                on_leaving=GoogleAccount.Leaving.KEEP,
                actor="system",
                now=datetime.now(UTC),
            )
        return self._wait("SELECT count(*) FROM {0}.booking_googleaccount", sweep, seconds)

    def _wait(self, statement: str, sweep: Callable[[], None], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ((left,),) = self.stage.owner(statement.format(self.unit.schema))
            if not left:
                return True
            sweep()
            time.sleep(0.2)
        return False

    # --- What it was told -----------------------------------------------------------------------------
    def outside(self) -> Iterator[bytes]:
        """Yield all that the double was sent, but for the words of the events of our calendar."""
        for entry in self._journal():
            said = entry["body"]
            if self._is_ours(entry):
                said = {key: word for key, word in said.items() if key not in WORDS}
            yield json.dumps({**entry, "body": said}, ensure_ascii=False).encode()

    def words(self) -> Iterator[bytes]:
        """Yield the words of the events of our calendar, as they were sent."""
        for entry in self._journal():
            if self._is_ours(entry):
                words = {key: entry["body"].get(key, "") for key in WORDS}
                yield json.dumps(words, ensure_ascii=False).encode()

    def _journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.double.read("journal")["entries"]
        return found

    def _is_ours(self, entry: Mapping[str, Any]) -> bool:
        return (
            entry["method"] in _WRITES
            and entry["account"] == ADDRESS
            and f"/calendars/{self.calendar}/events" in unquote(entry["path"])
            and isinstance(entry["body"], dict)
        )

    def plant(self, marker: str) -> None:
        """Tell the double a marker where none may stand: in an address, and as another account's event."""
        self.double.order("account", account=NEIGHBOUR)
        scopes = ["calendar.app.created"]
        access = self.double.order("grant", account=NEIGHBOUR, scopes=scopes)["access"]
        headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}
        base = f"/calendar/v3/calendars/{quote(self.calendar)}/events"
        body = json.dumps({"summary": marker}, ensure_ascii=False).encode()
        for verb, path, said in (
            ("POST", base, body),
            ("GET", f"{base}/{quote(marker, safe='')}", None),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", self.double.port, timeout=30)
            connection.request(verb, path, said, headers)
            connection.getresponse().read()
            connection.close()
