"""What an act may make us write to a person: bounds by subject, recipient, network and practice."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from tenants.outbox import message_limits
from tenants.outbox.delivery import registered_kinds
from tenants.outbox.kinds import (
    NETWORK_RATES,
    NO_MESSAGE,
    ON_REQUEST,
    PRACTICE_RATE,
    RECIPIENT_RATES,
    SUBJECT_RATES,
    MessageBound,
    OutboxKind,
    Subject,
)
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, RecipientError, is_limited, write
from tenants.schema import Unit

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
KIND = OutboxKind("test.asked", "thing", NoPayload, ON_REQUEST)


def leave(count: int, *, now: datetime = NOW, **changes: str) -> int:
    """Write ``count`` messages; return how many may leave. "*" in a value is replaced by the number."""
    left = 0
    for number in range(count):
        subject, recipient = (
            changes.get(name, "*").replace("*", str(number)) for name in ("subject", "recipient")
        )
        message = Due(
            KIND, Subject("thing", int(subject)), NO_PAYLOAD, now, str(number), recipient=recipient
        )
        left += not is_limited(write(due=[message], now=now))
    return left


def test_an_appointment_gets_few_messages_in_an_hour_and_in_a_day(tenant: Unit) -> None:
    hour, day = (rate.most for rate in SUBJECT_RATES)
    with message_limits.by_visitor("198.51.100.0/24"):
        hours = [leave(9, subject="7", now=NOW + timedelta(hours=hour)) for hour in range(6)]

    assert hours[0] == hour
    assert sum(hours) == day


def test_an_address_gets_few_messages_over_all_its_appointments(tenant: Unit) -> None:
    with message_limits.by_visitor("198.51.100.0/24"):
        assert leave(20, recipient="victim") == RECIPIENT_RATES[0].most


def test_a_network_causes_few_messages_whoever_receives_them(tenant: Unit) -> None:
    with message_limits.by_visitor("198.51.100.0/24"):
        assert leave(60) == NETWORK_RATES[0].most
    with message_limits.by_visitor("203.0.113.0/24"):
        assert leave(5) == 5


def test_a_practice_sends_a_bounded_number_whoever_acts(tenant: Unit) -> None:
    left = 0
    for network in range(PRACTICE_RATE.most // 25 + 3):
        with message_limits.by_visitor(f"10.0.{network}.0/24"):
            left += leave(25, subject=f"{network + 1}00*", recipient=f"{network}-*")

    assert left == PRACTICE_RATE.most


def test_a_member_is_not_stopped_by_what_strangers_did(tenant: Unit) -> None:
    with message_limits.by_visitor("198.51.100.0/24"):
        leave(40, subject="7", recipient="victim")
    with message_limits.by_member():
        assert leave(10, subject="7", recipient="victim") == 10
        assert leave(60) == 60


def test_a_message_that_did_not_leave_uses_up_nothing(tenant: Unit) -> None:
    with message_limits.by_visitor("198.51.100.0/24"):
        leave(30, subject="7")
        assert leave(60) == NETWORK_RATES[0].most - SUBJECT_RATES[0].most


def test_the_entry_says_that_the_message_was_held_back(tenant: Unit) -> None:
    with message_limits.by_visitor("198.51.100.0/24"):
        leave(SUBJECT_RATES[0].most + 1, subject="7")

    last = OutboxEntry.objects.order_by("-pk")[0]
    assert (last.state, last.reason) == (OutboxEntry.EntryState.NOT_SENT, "limited")
    assert last.finished_at == NOW


def test_work_outside_a_request_is_not_counted(tenant: Unit) -> None:
    assert leave(50, subject="7", recipient="victim") == 50


def test_without_the_counters_the_outbox_itself_is_counted(
    tenant: Unit, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(message_limits, "_counted_kinds", lambda: [KIND])
    with message_limits.by_visitor("198.51.100.0/24"):
        assert leave(9, subject="7") == SUBJECT_RATES[0].most
        assert leave(200) == message_limits.WITHOUT_COUNTERS - SUBJECT_RATES[0].most


def test_a_kind_that_counts_recipients_refuses_a_delivery_without_one(tenant: Unit) -> None:
    with pytest.raises(RecipientError):
        write(due=[Due(KIND, Subject("thing", 1), NO_PAYLOAD, NOW)], now=NOW)


def test_a_kind_without_a_bound_or_a_reason_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="silent"):
        OutboxKind("test.silent", "thing", NoPayload, MessageBound("silent"))


def test_only_kinds_without_a_reader_declare_that_they_carry_no_message() -> None:
    """A new kind that writes to somebody must not be declared as one that writes to nobody."""
    silent = {str(kind) for kind in registered_kinds() if kind.bound is NO_MESSAGE}

    assert silent == {
        "calendar.adopt",
        "calendar.cleanup",
        "calendar.connect",
        "calendar.disconnect",
        "calendar.push",
        "clients.check",
        "clients.invite",
        "clients.seed",
        "invoicing.issue",
        "practice.identity_stated",
        "practice.opening",
        "waiting.offer_expiry",
    }


def test_a_recipient_is_the_same_in_capitals_and_is_not_the_address(tenant: Unit) -> None:
    key = message_limits.recipient_key("Camille@Example.org ")

    assert key == message_limits.recipient_key("camille@example.org")
    assert "camille" not in key.casefold()
    assert message_limits.recipient_key(" ") == ""
