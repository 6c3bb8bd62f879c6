"""Another account of Google, and a worker that dies while it connects: nothing said of the first holds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import OperationalError, connection

from booking import google_oauth, kinds
from booking.event_body import Level
from booking.google_calendar import Refused
from booking.models import CalendarEntry, CalendarTask, GoogleAccount
from booking.models import Practice as Settings
from booking.services import calendar_entries, erasing
from booking.services.appointments import cancel
from booking.services.google import authorizing, holders, leaving, polling, writing
from booking.services.google.accounts import open_secret
from booking.services.google.leases import Busy, hold
from booking.services.google.writing import make_calendar
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.test_authorizing import MONDAY, Practice, practice
from tests.factories import make_appointment

__all__ = ["practice"]  # a fixture

FIRST, SECOND = "orga@cabinet.example", "perso@boite.example"


@pytest.fixture
def switched(practice: Practice) -> Practice:
    """A practice whose organisation's account knew names, and which has connected a private one since."""
    practice.google.account(FIRST, workspace=True)
    practice.google.account(SECOND)
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    connect(practice, FIRST)
    with inside(practice.unit):
        GoogleAccount.objects.update(level=Level.NAMED.value, has_addendum=True)
        account = GoogleAccount.objects.get()
        calendar_entries.push_all(account=account, since=practice.clock(), now=practice.clock())
    practice.work()
    connect(practice, SECOND)
    return practice


def connect(practice: Practice, who: str) -> None:
    back = urlsplit(practice.google.consent(practice.begin(), who))
    practice.take({name: values[0] for name, values in parse_qs(back.query).items()})
    practice.work()


def standing(practice: Practice, who: str) -> list[dict[str, Any]]:
    """What stands in all calendars of an account."""
    return [
        event
        for calendar in practice.google.calendars(who)
        for event in practice.google.events(who, calendar.id)
        if event["status"] != "cancelled"
    ]


def linked(practice: Practice) -> GoogleAccount:
    account = practice.account()
    assert account is not None
    return account


def test_another_account_is_judged_by_itself(switched: Practice) -> None:
    account = linked(switched)

    assert (account.kind, account.level, account.has_addendum) == ("consumer", 1, False)


def test_everything_coming_is_written_into_the_other_account_without_names(
    switched: Practice,
) -> None:
    with inside(switched.unit):
        make_appointment(switched.cabinet, MONDAY + timedelta(hours=2), now=switched.clock())
    switched.work()

    assert [event["summary"] for event in standing(switched, SECOND)] == ["RDV C. S."] * 2
    with inside(switched.unit):
        held = CalendarEntry.objects.filter(account__isnull=False)
        assert [entry.state for entry in held] == ["written"] * 2


def test_the_first_account_is_remembered_for_who_asks_to_be_erased(switched: Practice) -> None:
    assert "Camille" in standing(switched, FIRST)[0]["summary"]

    with inside(switched.unit):
        entry = CalendarEntry.objects.get(account__isnull=True)
        erasing.erase_and_cancel(appointment=entry.appointment, now=switched.clock())
        tasks = list(CalendarTask.objects.values_list("kind", flat=True))
    switched.work()

    assert tasks == ["erase"]
    assert standing(switched, SECOND) == []
    with inside(switched.unit):
        assert CalendarTask.objects.filter(done_at__isnull=True).exists()


def test_who_spoke_for_the_first_account_writes_nothing_of_it_into_the_link(
    practice: Practice,
) -> None:
    """A worker in the middle of its work holds a token, and perhaps makes a calendar, of the first account."""
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    account = linked(practice)
    with hold(unit=practice.unit, account_id=account.pk, clock=practice.clock) as speaking:
        connect(practice, SECOND)
        with pytest.raises(Busy):
            make_calendar(speaking)
    practice.work()

    with inside(practice.unit):
        calendar = open_secret(linked(practice)).calendar
    assert calendar in {one.id for one in practice.google.calendars(SECOND)}


def test_the_same_account_again_keeps_what_was_chosen(practice: Practice) -> None:
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        GoogleAccount.objects.update(level=Level.NAMED.value)
    connect(practice, "maite@exemple.fr")

    assert linked(practice).level == Level.NAMED


def test_connecting_switching_and_leaving_are_another_notice(practice: Practice) -> None:
    def version() -> int:
        with inside(practice.unit):
            return Settings.objects.get().notice_version

    practice.google.account(SECOND)
    versions = [version()]
    for who in ("maite@exemple.fr", "maite@exemple.fr", SECOND):
        connect(practice, who)
        versions.append(version())
    with inside(practice.unit):
        leaving.leave(
            account=GoogleAccount.objects.get(), on_leaving=GoogleAccount.Leaving.KEEP,
            actor="user:1", now=practice.clock(),
        )  # fmt: skip

    assert [*versions, version()] == [1, 2, 2, 3, 4]


def test_a_consent_whose_giver_leaves_while_google_answers_is_given_back(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = google_oauth.exchange

    def slow(**asked: Any) -> google_oauth.Grant:
        grant = real(**asked)
        with inside(practice.unit):
            holders.give_up_attempts(practice.user)
        return grant

    practice.take(practice.consent(practice.begin()))
    monkeypatch.setattr(google_oauth, "exchange", slow)
    practice.work()

    assert practice.account() is None
    assert practice.attempt().failure == holders.PART_LOST
    assert [entry.status for entry in practice.google.asked("oauth.revoke")] == [200]


def test_a_consent_for_a_link_that_is_being_left_is_given_back(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The goodbye that is under way would take the new link with it."""
    connect(practice, "maite@exemple.fr")
    real = google_oauth.exchange

    def slow(**asked: Any) -> google_oauth.Grant:
        grant = real(**asked)
        with inside(practice.unit):
            leaving.leave(
                account=linked(practice), on_leaving=GoogleAccount.Leaving.KEEP, actor="user:1",
                now=practice.clock(),
            )  # fmt: skip
        return grant

    practice.take(practice.consent(practice.begin()))
    with monkeypatch.context() as patched:
        patched.setattr(google_oauth, "exchange", slow)
        practice.work()

    assert practice.account() is None
    assert practice.attempt().state == "failed"
    # The first took the whole grant of this person away, the second finds none.
    assert [entry.status for entry in practice.google.asked("oauth.revoke")] == [200, 400]


def test_nobody_leaves_a_link_while_a_consent_is_stored_in_it(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(practice, "maite@exemple.fr")
    keep, refused = authorizing.keep, []

    def watched(**given: Any) -> GoogleAccount:
        with ThreadPoolExecutor(1) as pool:
            refused.append(pool.submit(is_locked, practice).result())
        return keep(**given)

    monkeypatch.setattr(authorizing, "keep", watched)
    connect(practice, "maite@exemple.fr")

    assert refused == [True]


def is_locked(practice: Practice) -> bool:
    """Whether another transaction has the row of the link."""
    try:
        with inside(practice.unit):
            return GoogleAccount.objects.select_for_update(nowait=True).first() is None
    except OperationalError:
        return True
    finally:
        connection.close()


def test_each_visit_rings_for_the_other_account_as_it_did_for_the_first(
    practice: Practice,
) -> None:
    practice.google.account(SECOND)
    with inside(practice.unit):
        held = make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        calendar_entries.push_all(
            account=linked(practice), since=practice.clock(), now=practice.clock()
        )
    practice.work()

    connect(practice, SECOND)

    with inside(practice.unit):
        rung = OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH, object_id=held.pk)
        assert [(entry.version, entry.state) for entry in rung] == [(1, "sent")]
        cancel(appointment=held, by_patient=False, actor="system", now=practice.clock())
    practice.work()
    assert standing(practice, SECOND) == []


def test_another_account_is_not_late_from_its_first_minute(practice: Practice) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    practice.clock.pass_(days=3)
    connect(practice, SECOND)

    assert linked(practice).connected_at == practice.clock()


def test_a_refusal_of_the_first_grant_does_not_end_the_second(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")

    def dead(**_: object) -> google_oauth.Access:
        connect(practice, SECOND)
        raise google_oauth.Dead

    practice.clock.pass_(hours=2)
    monkeypatch.setattr(google_oauth, "refresh", dead)
    speaking = hold(unit=practice.unit, account_id=linked(practice).pk, clock=practice.clock)
    with pytest.raises(Busy), speaking as held:
        held.call(lambda client: client.create_calendar(zone="UTC"))

    assert linked(practice).state == "connected"


def test_what_the_first_account_refused_is_noted_of_nobody(practice: Practice) -> None:
    practice.google.account(SECOND)
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())

    def refused(_client: object, job: object) -> None:
        connect(practice, SECOND)
        raise Refused("answer_403")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writing, "apply", once(refused, otherwise=writing.apply))
        practice.work()
    practice.work()

    assert linked(practice).last_error == ""
    assert len(standing(practice, SECOND)) == 1


def once(first: Callable[..., Any], *, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does the one, and from the second call on the other."""
    turns = iter([first])

    def act(*sent: Any, **named: Any) -> Any:
        return next(turns, otherwise)(*sent, **named)

    return act


class Killed(BaseException):
    """The worker dies here."""


def test_a_worker_that_dies_after_the_exchange_loses_no_appointment(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise Killed

    with inside(practice.unit):
        make_appointment(practice.cabinet, MONDAY, now=practice.clock())
    practice.take(practice.consent(practice.begin()))
    with monkeypatch.context() as patched:
        patched.setattr(authorizing, "_start", die)
        with pytest.raises(Killed):
            practice.work()
    practice.clock.pass_(minutes=2)
    practice.work()

    assert (practice.attempt().state, practice.attempt().failure) == ("done", "")
    with inside(practice.unit):
        calendar = open_secret(linked(practice)).calendar
    events = practice.google.events("maite@exemple.fr", calendar)
    assert [event["summary"] for event in events] == ["RDV C. S."]


def test_a_coming_visit_that_the_calendar_does_not_know_is_found(practice: Practice) -> None:
    connect(practice, "maite@exemple.fr")
    with inside(practice.unit):
        held = make_appointment(practice.cabinet, MONDAY, now=practice.clock())
        CalendarEntry.objects.filter(appointment=held).delete()
        account = GoogleAccount.objects.get()
        polling.ask_soon(account_id=account.pk, now=practice.clock())

    assert polling.poll(unit=practice.unit, account_id=account.pk, clock=practice.clock)

    with inside(practice.unit):
        assert CalendarEntry.objects.get().state == CalendarEntry.State.WRITTEN
