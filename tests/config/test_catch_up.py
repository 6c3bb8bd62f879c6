"""A starting worker enqueues every duty at once."""

import json

import pytest

from config.catch_up import CatchUp
from config.worker import broker


def test_the_worker_has_the_catch_up_middleware() -> None:
    assert any(isinstance(middleware, CatchUp) for middleware in broker.middleware)


def test_every_duty_is_enqueued_when_a_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueued: list[str] = []
    monkeypatch.setattr(broker, "enqueue", lambda message, **_: enqueued.append(message.actor_name))
    CatchUp().after_process_boot(broker)

    assert [name.rsplit(".", 1)[1] for name in enqueued] == [
        "sweep",
        "erase_all_due",
        "seal_all",
        "sign_all_checkpoints",
    ]


def test_an_unavailable_broker_does_not_stop_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError("away")

    monkeypatch.setattr(broker, "enqueue", refuse)
    CatchUp().after_process_boot(broker)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["enqueue_failed"] * 4
