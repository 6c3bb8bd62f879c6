"""A process that has imported the libraries once, and the processes of proofs that are born of it.

Most of the second and a half that a process of the product needs to start is the import of libraries; a
run of all proofs with all their guards starts some five hundred. What is born here is a fork of a process
with one thread that knows libraries alone: no module of ours, no settings, no connection. It reads its own
environment, sets Django up and removes its guard like one that was started by ``python -m``.

`born` is the caller's side. One process is one connection to the nursery: its number and later its exit code
come back on it, and when the caller ends, however that happens, so does what was born for it.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import re
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from config.processes import ROOT, Leashed, wait_until

ADDRESS = "PROOF_NURSERY"
"""The variable that names the socket of the nursery of this run."""
OURS = ("config", "tenants", "booking", "compliance", "billing", "api")
SCANNED = (*OURS, "tests/proofs", "tests/fakes")
ALSO = (
    "dramatiq.cli",
    "fido2.server",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "whitenoise.base",
)
"""What our code does not import by that name, though its processes do."""
BY_ENVIRONMENT = ("prometheus_client",)
"""What decides by the environment, when it is imported, how it will work."""
LARGEST_REQUEST = 1 << 20
MOST_DESCRIPTORS = 8
PATIENCE_SECONDS = 10
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


# --- The caller's side ------------------------------------------------------------------------


class Born:
    """A process of the nursery, as its caller sees it: it leads a group and a session of its own."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.returncode: int | None = None
        answer = connection.recv(64)
        if not answer:
            raise RuntimeError("the nursery has ended")
        self.pid = int(answer)

    def poll(self) -> int | None:
        """Return its exit code once it has ended; of one that a signal ended, the signal below zero."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; TimeoutExpired after ``timeout`` seconds."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], seconds)[0]:
            said = self._connection.recv(64)
            self.returncode = int(said) if said else -signal.SIGKILL
            self._connection.close()
        return self.returncode

    def strike(self, signum: int) -> None:
        """Send its whole group a signal; nothing when it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signum)

    def close(self) -> None:
        """Ask it to end, and wait until it has; after ten seconds it is made to."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        try:
            self.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End its whole group at once."""
        self.strike(signal.SIGKILL)
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def born(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes] | None = None,
    keep: Sequence[int] = (),
) -> Born:
    """Have ``python -m module arguments`` run with this environment alone, in the project's folder.

    ``keep`` are descriptors that it finds under the same numbers; its standard input is empty.
    """
    request = {
        "module": module,
        "arguments": arguments,
        "environment": dict(environment),
        "keep": list(keep),
    }
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(os.environ[ADDRESS])
    descriptors = [output.fileno(), (errors or output).fileno(), *keep]
    socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
    return Born(connection)


def run(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Have it run to its end; return its exit code and what it said."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = born(
            module, *arguments, environment=environment, output=output, errors=errors
        ).wait()
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    return subprocess.CompletedProcess([module, *arguments], code, *said)


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Have a nursery until the block ends: that of the run, or one of our own."""
    if ADDRESS in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="nursery-") as folder:
        address = Path(folder) / "socket"
        command = [sys.executable, "-W", "ignore", "-m", "tests.proofs.nursery", str(address)]
        with Leashed(command) as process:
            if not wait_until(lambda: address.exists() or process.ended(), seconds=60):
                raise RuntimeError("the nursery did not start")
            os.environ[ADDRESS] = str(address)
            try:
                yield
            finally:
                del os.environ[ADDRESS]


# --- The nursery ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What is to be run, and the descriptors that came with it."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    keep: list[int]
    descriptors: list[int]


class Nursery:
    """The loop of the nursery: who asks, who has ended, who is gone."""

    def __init__(self, address: Path) -> None:
        self._selector = selectors.DefaultSelector()
        self._callers: dict[int, socket.socket] = {}
        """By the process that was born for them."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        made = address.with_suffix(".made")
        self._listener.bind(str(made))
        self._listener.listen(64)
        made.rename(address)  # who sees it may connect

    def run(self) -> Request:
        """Serve for ever; return in each process that is born, with what it has to be."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._reap()
                elif key.fileobj is self._listener:
                    request = self._accept()
                    if request is not None:
                        return request
                else:
                    self._let_go(key.data)

    def _accept(self) -> Request | None:
        caller, _ = self._listener.accept()
        data, descriptors, _, _ = socket.recv_fds(caller, LARGEST_REQUEST, MOST_DESCRIPTORS)
        if not data:
            caller.close()
            return None
        request = Request(**json.loads(data), descriptors=descriptors)
        pid = os.fork()
        if pid == 0:
            caller.close()
            self._leave()
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        self._callers[pid] = caller
        self._selector.register(caller, selectors.EVENT_READ, pid)
        self._tell(caller, pid)
        return None

    def _leave(self) -> None:
        """In a process that was born: have nothing of the nursery."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._selector.close()
        for one in (self._listener, self._woken, self._waker, *self._callers.values()):
            one.close()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                caller = self._callers.pop(pid, None)
                if caller is None:
                    continue  # its caller had gone, and it was slow to end
                self._tell(caller, os.waitstatus_to_exitcode(status))
                self._selector.unregister(caller)
                caller.close()

    @staticmethod
    def _tell(caller: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):  # who is gone is noticed by the loop
            caller.send(str(number).encode())

    def _let_go(self, pid: int) -> None:
        """End what was born for a caller that is gone; it never says a second thing."""
        if pid in self._callers:
            self._selector.unregister(self._callers[pid])
            _end([pid])
            # Reaped below it would have no caller any more.
            self._callers.pop(pid).close()

    def close(self) -> None:
        """End all that was born."""
        _end(list(self._callers))


def _end(groups: list[int]) -> None:
    """SIGTERM, and SIGKILL for what has not ended after a while; the leaders are our children."""
    left = list(groups)
    for signum, seconds in ((signal.SIGTERM, PATIENCE_SECONDS), (signal.SIGKILL, PATIENCE_SECONDS)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signum)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if not _is_over(pid)]
            time.sleep(0.01)


def _is_over(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def become(request: Request) -> None:
    """Be what was asked for; the process ends as Python does."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.setsid()
    # Above all numbers that are asked for, then down to them.
    above = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 256) for one in request.descriptors]
    for descriptor in request.descriptors:
        os.close(descriptor)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    for number, descriptor in zip([1, 2, *request.keep], above, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if empty > 2 and empty not in request.keep:
        os.close(empty)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.argv = [request.module, *request.arguments]
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


def import_libraries() -> None:
    """Import each library that our code imports, but those that need the settings."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    names = set(ALSO)
    for folder in SCANNED:
        for path in (ROOT / folder).rglob("*.py"):
            names.update(
                re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text("utf-8"), re.MULTILINE)
            )
    for name in sorted(names):
        if name.partition(".")[0] in (*OURS, *BY_ENVIRONMENT, "tests"):
            continue
        # A word of a docstring, or a module that waits for the settings: the process itself will see.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def main(address: Path) -> None:
    """Be the nursery of a run until SIGTERM; returns in what is born, when it has run to its end."""
    import_libraries()
    gc.collect()
    gc.freeze()  # a collection in what is born does not copy what it will never free
    nursery = Nursery(address)
    try:
        request = nursery.run()
    except KeyboardInterrupt:
        nursery.close()
        return
    del nursery
    become(request)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
