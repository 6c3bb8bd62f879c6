"""The log of a failed job: its actor and its lines of code, no arguments."""

import json
from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Retries

SECRET = "Canari Dupont"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubBroker]:
    """Provide a separate broker with a running worker."""
    broker = StubBroker(middleware=[Retries(max_retries=1, min_backoff=1, max_backoff=1)])
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)

    @dramatiq.actor(broker=broker, actor_name="tests.careless", queue_name="careless")
    def careless(name: str) -> None:
        raise ValueError(f"{name} could not be written to")

    worker.start()
    yield broker
    worker.stop()
    broker.close()


def test_a_failed_job_logs_none_of_its_arguments(
    stub: StubBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.get_actor("tests.careless").send(SECRET)
    with pytest.raises(ValueError, match="Canari"):
        stub.join("careless", fail_fast=True, timeout=20_000)

    written = capsys.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert "Canari" not in written
    assert "tests.careless" not in {line["event"] for line in lines}
    failed = [line for line in lines if "exception" in line]
    assert {link["type"] for line in failed for link in line["exception"]} == {
        "builtins.ValueError"
    }
