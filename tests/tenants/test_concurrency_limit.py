"""A concurrency limit: at most so many at once on the machine, few who wait, the others refused at once."""

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

import pytest
from pytest_django import Settings

from tenants import metrics
from tenants.concurrency_limit import ConcurrencyLimit, NoPlaceFree


@pytest.fixture(autouse=True)
def directory(settings: Settings, tmp_path: Path) -> Path:
    settings.CONCURRENCY_DIR = str(tmp_path / "places")
    return tmp_path / "places"


def _limit(*, holders: int = 1, waiters: int = 0, wait_seconds: float = 0) -> ConcurrencyLimit:
    return ConcurrencyLimit("trial", holders=holders, waiters=waiters, wait_seconds=wait_seconds)


def test_no_more_than_the_holders_are_inside() -> None:
    limit, callers = _limit(holders=2), 12
    outcomes: Queue[str] = Queue()
    leave = threading.Event()

    def work(_number: int) -> None:
        try:
            with limit.enter():
                outcomes.put("inside")
                leave.wait(30)
        except NoPlaceFree:
            outcomes.put("refused")

    with ThreadPoolExecutor(callers) as pool:
        pool.map(work, range(callers))
        # Nobody leaves before each of them has its outcome.
        found = Counter(outcomes.get(timeout=30) for _ in range(callers))
        leave.set()

    assert found == {"inside": 2, "refused": callers - 2}


def test_a_full_limit_refuses_at_once_and_counts_it() -> None:
    limit = _limit()
    before = metrics.CONCURRENCY_REFUSED.labels("trial")._value.get()

    with limit.enter(), pytest.raises(NoPlaceFree), limit.enter():
        pytest.fail("inside")

    assert metrics.CONCURRENCY_REFUSED.labels("trial")._value.get() == before + 1


def test_a_place_is_free_again_after_an_error() -> None:
    limit = _limit()
    with pytest.raises(ValueError, match="broken"), limit.enter():
        raise ValueError("broken")

    with limit.enter():
        pass


def test_a_waiter_enters_when_the_holder_leaves() -> None:
    limit, entered = _limit(waiters=1, wait_seconds=30), threading.Event()
    holding = ExitStack()
    holding.enter_context(limit.enter())

    def wait() -> None:
        with limit.enter():
            entered.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert not entered.wait(0.1)
    holding.close()

    assert entered.wait(30)
    waiter.join()


def test_only_the_bounded_number_waits() -> None:
    limit = _limit(waiters=1, wait_seconds=30)
    holding = ExitStack()
    holding.enter_context(limit.enter())

    def enter(_number: int) -> bool:
        try:
            with limit.enter():
                return True
        except NoPlaceFree:
            return False

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(enter, number) for number in range(3)]
        ended = as_completed(found, timeout=30)
        assert [next(ended).result(), next(ended).result()] == [False, False]
        holding.close()

    assert sorted(future.result() for future in found) == [False, False, True]


def test_the_wait_ends() -> None:
    limit = _limit(waiters=1, wait_seconds=0.05)

    with limit.enter(), pytest.raises(NoPlaceFree), limit.enter():
        pytest.fail("inside")


def test_processes_share_the_places_and_a_killed_one_frees_its_place(directory: Path) -> None:
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        f"settings.CONCURRENCY_DIR = {str(directory)!r}\n"
        "from tenants.concurrency_limit import ConcurrencyLimit\n"
        "with ConcurrencyLimit('trial', holders=1, waiters=0, wait_seconds=0).enter():\n"
        "    print('inside', flush=True); input()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"inside\n"

    with pytest.raises(NoPlaceFree), _limit().enter():
        pytest.fail("inside")
    holder.kill()
    holder.communicate()

    with _limit().enter():
        pass


def test_without_its_directory_the_limit_holds_for_the_process(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.CONCURRENCY_DIR = str(tmp_path / "file")
    limit = _limit()

    with limit.enter(), pytest.raises(NoPlaceFree), limit.enter():
        pytest.fail("inside")
    with limit.enter():
        pass
