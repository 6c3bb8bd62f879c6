"""The Google account of the proof `sentinel`: which personal data reach Google, and in which fields they may."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from tests.proofs.fake_google import FakeGoogle

ADDRESS, NEIGHBOUR = "praticienne@exemple.fr", "voisine@exemple.fr"
WORDS = ("summary", "description")
"""The two fields in which an event may name its person."""
_WRITES = ("calendar.events.insert", "calendar.events.patch")
ENVIRONMENT = {
    "GOOGLE_BACKOFF_SECONDS": "0.2",
    "GOOGLE_LONGEST_WAIT_SECONDS": "1",
    "GOOGLE_BREAKER_SECONDS": "1",
    "GOOGLE_TIMEOUT_SECONDS": "2",
}


@dataclass
class LinkedAccount:
    """A practitioner's account at the fake Google server; its events name people (level L2)."""

    environment: Any
    unit: Any
    fake_google: FakeGoogle
    account_id: int = 0
    calendar: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """What only the sealed row may contain."""

    def link(self, practitioner: Any) -> None:
        """Link the practitioner; let the next pushes fail in different ways, one of them for good."""
        from booking.google.accounts import open_secret
        from booking.models import GoogleAccount
        from booking.rules.erasure import Level
        from tenants.schema import inside
        from tests.proofs.google_practice import link

        self.account_id = link(
            self.fake_google, self.unit, practitioner, address=ADDRESS, level=Level.NAMED.value
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
        self.fake_google.fail(
            "insert", "503", "drop_after", "403 forbidden", "not_json", "cut", "html"
        )

    def wait_until_written(self, sweep: Callable[[], None], *, seconds: float) -> bool:
        """Wait until no event waits to be written; False after ``seconds``."""
        return self._wait(
            "SELECT count(*) FROM {0}.booking_calendarentry WHERE version > pushed AND NOT is_held_back"
            " AND account_id IS NOT NULL",
            sweep,
            seconds,
        )

    def disconnect(self, sweep: Callable[[], None], *, seconds: float) -> bool:
        """Disconnect the account, while Google refuses to revoke the tokens; False after ``seconds``."""
        from booking.google import disconnection
        from booking.models import GoogleAccount
        from tenants.schema import inside

        self.fake_google.command("faults", method="oauth.revoke", faults=["503"])
        with inside(self.unit):
            disconnection.disconnect(
                account=GoogleAccount.objects.get(pk=self.account_id),
                on_disconnect=GoogleAccount.OnDisconnect.KEEP,
                actor="system",
                now=datetime.now(UTC),
            )
        return self._wait("SELECT count(*) FROM {0}.booking_googleaccount", sweep, seconds)

    def _wait(self, statement: str, sweep: Callable[[], None], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ((left,),) = self.environment.owner(statement.format(self.unit.schema))
            if not left:
                return True
            sweep()
            time.sleep(0.2)
        return False

    # --- What Google got -----------------------------------------------------------------------------
    def other_content(self) -> Iterator[bytes]:
        """Yield all that Google got, except for the words of the events of our calendar."""
        for entry in self._journal():
            content = entry["body"]
            if self._is_ours(entry):
                content = {key: word for key, word in content.items() if key not in WORDS}
            yield json.dumps({**entry, "body": content}, ensure_ascii=False).encode()

    def words(self) -> Iterator[bytes]:
        """Yield the words of the events of our calendar, as Google got them."""
        for entry in self._journal():
            if self._is_ours(entry):
                words = {key: entry["body"].get(key, "") for key in WORDS}
                yield json.dumps(words, ensure_ascii=False).encode()

    def _journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.fake_google.read("journal")["entries"]
        return found

    def _is_ours(self, entry: Mapping[str, Any]) -> bool:
        return (
            entry["method"] in _WRITES
            and entry["account"] == ADDRESS
            and f"/calendars/{self.calendar}/events" in unquote(entry["path"])
            and isinstance(entry["body"], dict)
        )

    def plant(self, marker: str) -> None:
        """Send Google a marker in two forbidden places: in an address, and in an event of another account."""
        self.fake_google.command("account", account=NEIGHBOUR)
        scopes = ["calendar.app.created"]
        access = self.fake_google.command("grant", account=NEIGHBOUR, scopes=scopes)["access"]
        headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}
        base = f"/calendar/v3/calendars/{quote(self.calendar)}/events"
        body = json.dumps({"summary": marker}, ensure_ascii=False).encode()
        for verb, path, content in (
            ("POST", base, body),
            ("GET", f"{base}/{quote(marker, safe='')}", None),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", self.fake_google.port, timeout=30)
            connection.request(verb, path, content, headers)
            connection.getresponse().read()
            connection.close()
