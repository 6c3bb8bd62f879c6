"""The embedded services belong to one run, end with it and affect no other process."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg2
import pytest
import redis

from config.devtools import embedded, supervisor
from config.devtools.processes import ROOT, wait_until

# These tests run servers of their own: they are no unit tests.
pytestmark = pytest.mark.usefixtures("services")

HOLD = """
import signal
import sys
from pathlib import Path
from config.devtools import embedded
# Whoever runs the tests in the background may have had it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
try:
    with embedded.services(folder, environ={}) as running:
        print(running.redis_url.removeprefix("unix://").partition("?")[0], flush=True)
        sys.stdin.read()
except embedded.ServicesUnavailable as error:
    print(error, flush=True)
    sys.exit(3)
"""


@contextlib.contextmanager
def holder(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Yield a process with embedded services, and the folder of its sockets."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process, Path(process.stdout.readline().strip()).parent
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait(60)
        process.stdout.close()


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that contain a folder."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True
    )
    return [line for line in listing.stdout.splitlines() if str(folder) in line]


def role(url: str) -> str:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            (name,) = cursor.fetchone() or ("",)
            return str(name)
    finally:
        connection.close()


def test_owner_and_application_have_logins_of_their_own_and_are_no_superusers() -> None:
    with embedded.services(environ={}) as running:
        connection = psycopg2.connect(running.admin_url)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolname, rolsuper, rolinherit, rolcreaterole FROM pg_roles"
                " WHERE rolname IN ('app', 'librdv_owner') ORDER BY rolname"
            )
            roles = cursor.fetchall()
            cursor.execute("SELECT current_setting('fsync'), current_setting('listen_addresses')")
            settings = cursor.fetchone()
        logins = [role(running.owner_url), role(running.app_url)]

    assert roles == [("app", False, False, False), ("librdv_owner", False, True, True)]
    assert settings == ("on", "")
    assert logins == ["librdv_owner", "app"]


def test_two_concurrent_runs_are_separate() -> None:
    with embedded.services(environ={}) as first, embedded.services(environ={}) as second:
        redis.Redis.from_url(first.redis_url).set("mark", "first")
        seen = redis.Redis.from_url(second.redis_url).get("mark")
        addresses = {first.owner_url, second.owner_url, first.redis_url, second.redis_url}

    assert seen is None
    assert len(addresses) == 4


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_killed_leaves_nothing(signum: signal.Signals) -> None:
    with holder() as (process, sockets):
        assert processes_of(sockets.parent)

        process.send_signal(signum)
        process.wait(60)

        assert wait_until(lambda: not processes_of(sockets.parent), seconds=40)
        assert wait_until(lambda: not sockets.parent.exists(), seconds=10)


def test_services_end_although_a_forked_child_still_holds_the_pipe() -> None:
    fork = HOLD.replace("sys.stdin.read()", "import os, time\n        os.fork() or time.sleep(4)")
    process = subprocess.Popen(
        [sys.executable, "-c", fork], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        sockets = Path(process.stdout.readline().strip()).parent

        process.wait(60)

        assert wait_until(lambda: not processes_of(sockets.parent), seconds=40)


def test_even_a_killed_supervisor_leaves_no_server_and_its_folder_is_cleared_later() -> None:
    with holder() as (_, sockets):
        folder = sockets.parent
        (supervisor_pid,) = [pid for pid in _children(folder) if "supervisor.py" in _command(pid)]

        os.kill(supervisor_pid, signal.SIGKILL)

        assert wait_until(lambda: not processes_of(folder / "postgres"), seconds=40)
        assert wait_until(lambda: not processes_of(sockets), seconds=40)
        assert folder.exists()
    with embedded.services(environ={}):
        assert not folder.exists()


def _children(folder: Path) -> list[int]:
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,command="], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in listing.stdout.splitlines() if str(folder) in line]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def test_kept_data_are_there_in_the_next_run_and_stale_files_do_not_matter(tmp_path: Path) -> None:
    with embedded.services(tmp_path, environ={}) as running:
        connection = psycopg2.connect(running.owner_url)
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pid_file = tmp_path / "postgres" / "cluster" / "postmaster.pid"
    pid_file.write_text(
        f"{os.getpid()}\n{pid_file.parent}\n"
    )  # a process id that was reused: that of this test
    (tmp_path / "postgres" / "cluster.new").mkdir()

    with embedded.services(tmp_path, environ={}) as running:
        connection = psycopg2.connect(running.owner_url)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT answer FROM kept")
            kept = cursor.fetchone()

    assert kept == (42,)
    assert sorted(path.name for path in (tmp_path / "postgres").iterdir()) == ["cluster"]


def test_a_folder_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with (
        embedded.services(tmp_path, environ={}),
        pytest.raises(embedded.ServicesUnavailable, match="Another run already uses"),
        embedded.services(tmp_path, environ={}),
    ):
        pass


def test_servers_that_crash_are_noticed_and_come_back() -> None:
    with embedded.services(environ={}) as running:
        assert running.postgres is not None
        running.postgres.stop_immediate()
        with pytest.raises(embedded.ServicesUnavailable, match="postgres is not running"):
            running.postgres.check()

        running.postgres.start()

        assert role(running.app_url) == "app"


def test_programs_and_data_in_closed_folders_start_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is in a folder accessible to its owner only, and root runs the services."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = embedded._postgres_bin().parents[1]
    for name in (f"{package.name}.libs", f"{package.name}/pginstall{embedded.POSTGRES_VERSION}"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, closed / name, symlinks=True)
    programs = closed / package.name / f"pginstall{embedded.POSTGRES_VERSION}" / "bin"
    monkeypatch.setattr(embedded, "_postgres_bin", lambda: programs)

    with embedded.services(closed / "data", environ={}) as running:
        assert role(running.app_url) == "app"


def test_a_long_temporary_folder_still_gives_short_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    with embedded.services(environ={}) as running:
        assert len(running.redis_url) < 100


def test_without_a_redis_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_package_folder", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")

    with (
        pytest.raises(embedded.ServicesUnavailable, match="Install redis-server"),
        embedded.services(environ={"DATABASE_URL": "postgresql://unused"}),
    ):
        pass


def test_a_cluster_that_already_has_our_roles_is_refused_and_left_as_it_is() -> None:
    with embedded.services(environ={}) as running:
        elsewhere = {"DATABASE_URL": running.admin_url}

        with (
            pytest.raises(embedded.ServicesUnavailable, match="cluster of its own"),
            embedded.services(environ=elsewhere),
        ):
            pass

        assert role(running.app_url) == "app"


def test_a_database_on_a_server_elsewhere_is_made_and_dropped(tmp_path: Path) -> None:
    with embedded.services(environ={}) as running:
        _drop_base_database(running.admin_url)
        elsewhere = {"DATABASE_URL": running.admin_url, "REDIS_URL": running.redis_url}
        with embedded.services(environ=elsewhere) as borrowed:
            logins = [role(borrowed.owner_url), role(borrowed.app_url)]
            assert borrowed.postgres is None
            assert borrowed.redis_url == running.redis_url
        left = _names(running.admin_url)

    assert logins == ["librdv_owner", "app"]
    assert left == ({"postgres"}, {"postgres", "template0", "template1"})


def _drop_base_database(admin_url: str) -> None:
    connection = psycopg2.connect(admin_url)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("DROP DATABASE librdv")
        cursor.execute("DROP ROLE app")
        cursor.execute("DROP ROLE librdv_owner")


def _names(admin_url: str) -> tuple[set[str], set[str]]:
    connection = psycopg2.connect(admin_url)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'")
        roles = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT datname FROM pg_database")
        return roles, {name for (name,) in cursor.fetchall()}


def test_abandoned_folders_of_others_are_not_touched(tmp_path: Path) -> None:
    in_use = tmp_path / f"{supervisor.PREFIX}live"
    in_use.mkdir()
    lock = supervisor.lock(in_use)
    stranger = tmp_path / f"{supervisor.PREFIX}unlocked"
    stranger.mkdir()

    supervisor.clear_abandoned(tmp_path)

    assert lock is not None
    lock.close()
    assert in_use.exists()
    assert stranger.exists()


def test_a_folder_that_goes_while_it_is_looked_at_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, left = tmp_path / f"{supervisor.PREFIX}going", tmp_path / f"{supervisor.PREFIX}left"
    for folder in (going, left):
        folder.mkdir()
        (folder / supervisor.LOCK).touch()
    take = supervisor.lock

    def late(folder: Path) -> IO[str] | None:
        if folder == going:
            shutil.rmtree(going)
        return take(folder)

    monkeypatch.setattr(supervisor, "lock", late)

    supervisor.clear_abandoned(tmp_path)

    assert not left.exists()
