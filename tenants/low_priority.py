"""Runs work of the processor in a thread of a low priority, so that the pages get the cores that they need."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")
NICENESS: Final = 15
"""Added to the priority number of the thread; 19 is the lowest priority."""


def run(work: Callable[[], T]) -> T:
    """Return the result of ``work``, or raise its error; it must use no connection and no unit of the caller.

    Each call has a thread of its own, because without rights a thread can lower its priority and not raise it
    again. The work must release the interpreter while it computes: a page waits for whoever holds it.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def compute() -> None:
        with suppress(OSError):  # not on Linux: the work is as urgent as a page
            thread_id = threading.get_native_id()
            present = os.getpriority(os.PRIO_PROCESS, thread_id)
            os.setpriority(os.PRIO_PROCESS, thread_id, min(19, present + NICENESS))
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=compute, name="low priority")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
