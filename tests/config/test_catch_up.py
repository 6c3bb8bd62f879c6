"""A worker that starts looks for what is overdue at once."""

import json

import pytest

from config.catch_up import CatchUp
from config.worker import broker


def test_the_worker_of_the_house_catches_up() -> None:
    assert any(isinstance(middleware, CatchUp) for middleware in broker.middleware)


def test_every_duty_is_rung_for_when_a_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    monkeypatch.setattr(broker, "enqueue", lambda message, **_: rung.append(message.actor_name))
    CatchUp().after_process_boot(broker)

    assert [name.rsplit(".", 1)[1] for name in rung] == ["sweep", "purge_all", "seal_all"]


def test_a_broker_that_is_away_does_not_stop_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError("away")

    monkeypatch.setattr(broker, "enqueue", refuse)
    CatchUp().after_process_boot(broker)

    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in told] == ["doorbell_failed"] * 3
