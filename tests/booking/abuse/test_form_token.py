"""The signed token of anonymous forms."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from booking.abuse import form_token
from booking.abuse.form_token import (
    Expired,
    Forged,
    TooFast,
)

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
LATER = NOW + timedelta(seconds=20)


def make(**changed: str) -> str:
    values = {"schema": "t_a", "purpose": "details"} | changed
    return form_token.issue(**values, now=NOW)  # type: ignore[arg-type]


def test_reading_a_token_returns_its_reference_and_its_time() -> None:
    ref = uuid.uuid4()
    value = form_token.issue(schema="t_a", purpose="details", now=NOW, ref=ref)

    token = form_token.read(value, schema="t_a", purpose="details", now=LATER)

    assert token == form_token.FormToken(ref=ref, issued_at=NOW)


def test_two_forms_never_share_a_reference() -> None:
    read = [
        form_token.read(make(), schema="t_a", purpose="details", now=LATER).ref for _ in range(2)
    ]

    assert read[0] != read[1]


@pytest.mark.parametrize(("schema", "purpose"), [("t_b", "details"), ("t_a", "rights")])
def test_a_token_of_another_tenant_or_form_is_forged(schema: str, purpose: str) -> None:
    with pytest.raises(Forged):
        form_token.read(make(), schema=schema, purpose=purpose, now=LATER)


@pytest.mark.parametrize("value", ["", ".", "x", "é" * 40, "a" * 5000, "AAAA.AAAA"])
def test_arbitrary_text_is_forged_and_raises_no_other_error(value: str) -> None:
    with pytest.raises(Forged):
        form_token.read(value, schema="t_a", purpose="details", now=LATER)


def test_an_altered_token_is_forged() -> None:
    value = make()
    altered = ("A" if value[0] != "A" else "B") + value[1:]

    with pytest.raises(Forged):
        form_token.read(altered, schema="t_a", purpose="details", now=LATER)


def test_a_form_sent_back_in_two_seconds_is_too_fast() -> None:
    with pytest.raises(TooFast):
        form_token.read(make(), schema="t_a", purpose="details", now=NOW + timedelta(seconds=2))


def test_a_token_is_valid_from_three_seconds_to_four_hours() -> None:
    value = make()

    for age in (timedelta(seconds=3), timedelta(hours=4)):
        read = form_token.read(value, schema="t_a", purpose="details", now=NOW + age)
        assert read.issued_at == NOW


def test_a_token_older_than_the_window_is_expired_and_keeps_its_reference() -> None:
    value = make()
    ref = form_token.read(value, schema="t_a", purpose="details", now=LATER).ref

    with pytest.raises(Expired) as caught:
        form_token.read(
            value, schema="t_a", purpose="details", now=NOW + timedelta(hours=4, seconds=1)
        )

    assert caught.value.token.ref == ref


def test_a_token_from_the_future_is_refused() -> None:
    with pytest.raises(Expired):
        form_token.read(make(), schema="t_a", purpose="details", now=NOW - timedelta(minutes=5))
