"""The units, the Caddyfile and the guide say what was tried on a machine, and say the same."""

import re
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from django.core.management import get_commands

from config.devtools.processes import ROOT
from config.request_body import MOST_BYTES, MOST_PICTURE_BYTES
from config.web_worker import PICTURE_SECONDS
from tenants.backup.sealing import KEY_BYTES

DOCS = ROOT / "docs"
GUIDE = (DOCS / "running.md").read_text("utf-8")
UNITS = sorted((DOCS / "systemd").glob("*.service"))
CADDYFILE = (DOCS / "caddy/Caddyfile").read_text("utf-8")
HARDENING = {
    "NoNewPrivileges=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateUsers=yes", "ProtectSystem=strict",
    "ProtectHome=yes", "ProtectProc=invisible", "ProcSubset=pid", "ProtectClock=yes", "ProtectHostname=yes",
    "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes",
    "CapabilityBoundingSet=", "SystemCallArchitectures=native", "SystemCallFilter=@system-service",
    "MemoryDenyWriteExecute=yes", "RemoveIPC=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes", "LockPersonality=yes", "UMask=0077", "LimitCORE=0",
}  # fmt: skip


def lines_of(path: Path) -> set[str]:
    return set(path.read_text("utf-8").splitlines())


def section(number: int) -> str:
    return GUIDE.split(f"\n## {number}. ")[1].split("\n## ")[0]


def commands(text: str) -> list[str]:
    """Return the indented lines of a section, which an operator types."""
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


# --- Units ----------------------------------------------------------------------------------------


def test_the_target_starts_every_unit_and_the_timer_of_the_backups() -> None:
    """No backup ever ran: the target did not start the timer."""
    target = (DOCS / "systemd/lib-rdv.target").read_text("utf-8")
    found = set(re.findall(r"[\w-]+\.(?:service|timer)", target))

    started = {unit.name for unit in UNITS} - {"lib-rdv-backup.service"}
    assert found == started | {"lib-rdv-backup.timer"}
    assert "systemctl enable --now lib-rdv.target" in section(4)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_closed_to_all_that_it_does_not_need(unit: Path) -> None:
    lines = lines_of(unit)

    assert lines >= HARDENING
    assert "User=lib-rdv" in lines
    assert "ReadWritePaths=/var/lib/lib-rdv" in lines
    # A backup names the commit of the program; nothing else needs the history.
    hides_history = "InaccessiblePaths=-/srv/lib-rdv/app/.git" in lines
    assert hides_history == (unit.stem != "lib-rdv-backup")
    # After= alone orders nothing that nobody starts.
    assert "Wants=network-online.target" in lines


@pytest.mark.parametrize("name", ["lib-rdv-worker", "lib-rdv-worker-slow"])
def test_a_worker_ends_its_jobs_before_it_stops(name: str) -> None:
    """A second signal to the children killed jobs half way: a patient got a mail twice."""
    text = (DOCS / f"systemd/{name}.service").read_text("utf-8")
    (milliseconds,) = re.findall(r"--worker-shutdown-timeout (\d+)", text)
    (seconds,) = re.findall(r"TimeoutStopSec=(\d+)", text)

    assert "\nKillMode=mixed\n" in text
    assert int(milliseconds) / 1000 < int(seconds)


@pytest.mark.parametrize("name", ["web", "worker", "worker-slow", "provisioner", "backup"])
def test_a_unit_that_writes_outside_the_database_checks_its_places_first(name: str) -> None:
    text = (DOCS / f"systemd/lib-rdv-{name}.service").read_text("utf-8")

    assert re.search(
        r"^ExecStartPre=\S+ manage\.py check --deploy --tag places$", text, re.MULTILINE
    )


def test_the_wrapper_runs_commands_as_the_service() -> None:
    text = (DOCS / "systemd/lib-rdv").read_text("utf-8")

    subprocess.run(["sh", "-n", DOCS / "systemd/lib-rdv"], check=True)
    assert "User=lib-rdv" in text
    assert "EnvironmentFile=/etc/lib-rdv/environment" in text
    assert text.rstrip().endswith('manage.py "$@"')
    assert "install -m 0755 docs/systemd/lib-rdv /usr/local/sbin/lib-rdv" in section(1)


# --- The Caddyfile --------------------------------------------------------------------------------


def test_caddy_logs_no_request_that_fails() -> None:
    """Each restart wrote addresses of patients and tokens of their links into the journal."""
    options = CADDYFILE[: CADDYFILE.index("import buffers.caddy")]

    assert re.search(
        r"log default \{\s+exclude http\.log\.error http\.handlers\.reverse_proxy\s+\}", options
    )
    # Only the first block holds the global options.
    assert [line for line in options.splitlines() if line and line[0] not in "#\t"] == ["{", "}"]


def test_caddy_bounds_bodies_as_the_application_and_waits_for_a_restart() -> None:
    sizes = re.findall(r"max_size (\w+)", CADDYFILE)

    assert sizes == [f"{MOST_PICTURE_BYTES >> 20}MiB", f"{MOST_BYTES >> 10}KiB"]
    assert "@picture path /espace/site/visuel/*" in CADDYFILE
    assert CADDYFILE.count("lb_try_duration 15s") == 2
    assert f"read_body {PICTURE_SECONDS:.0f}s" in CADDYFILE
    for version, word in (("2.6", "max_buffer_size"), ("2.7", "request_buffers")):
        buffers = (DOCS / f"caddy/buffers-{version}.caddy").read_text("utf-8")
        assert re.findall(rf"{word} (\w+)", buffers) == sizes[::-1]
    assert set(re.findall(r"import (buffer_\w+)", CADDYFILE)) == {"buffer_form", "buffer_picture"}


def test_caddy_hides_the_paths_of_the_machine() -> None:
    """`respond` comes after `handle` in Caddy's order: outside of a `handle` it would never answer."""
    sites = [
        text for text in CADDYFILE.split("\n}\n") if "import lib_rdv" in text and "# \t" not in text
    ]

    assert len(sites) == 2
    for site in sites:
        assert re.search(r"handle @inside \{\s+respond 404\s+\}\s+import lib_rdv", site)
    assert [
        set(re.findall(r"/\w+", site.split("@inside path")[1].splitlines()[0])) for site in sites
    ] == [
        {"/healthz", "/readyz", "/ask"},
        {"/healthz", "/readyz", "/ask", "/promises"},
    ]


def test_no_block_of_the_caddyfile_is_opened_and_closed_on_one_line() -> None:
    """`tls { on_demand }` was refused by every version."""
    lines = re.sub(r"\{[\w.]+\}|<\w+>", "", CADDYFILE).splitlines()

    assert [line for line in lines if "{" in line and not line.endswith("{")] == []
    assert sum(line.count("{") for line in lines) == sum(line.count("}") for line in lines)


# --- The guide ------------------------------------------------------------------------------------


def test_the_guide_reads_the_settings_before_a_command_needs_them() -> None:
    typed = commands(section(1)) + commands(section(2)) + commands(section(3))
    first = next(index for index, line in enumerate(typed) if line.startswith("lib-rdv "))

    assert any(line.startswith("SECRET_KEY=") for line in typed[:first])
    assert any("adduser" in line for line in typed[:first])
    assert any("/var/lib/lib-rdv" in line for line in typed[:first])
    assert any(line.startswith("lib-rdv collectstatic") for line in typed[first:])
    assert "python3.12" not in GUIDE


def test_an_upgrade_fetches_the_new_version_and_stops_what_would_build_the_old() -> None:
    typed = "\n".join(commands(section(4)))

    order = [
        "lib-rdv backup",
        "git pull",
        "pip install",
        "collectstatic",
        "systemctl stop",
        "migrate_shared",
    ]
    places = [typed.index(text) for text in order]
    assert places == sorted(places)
    stopped = next(line for line in typed.splitlines() if line.startswith("systemctl stop"))
    assert stopped.split()[2:] == ["lib-rdv-worker", "lib-rdv-worker-slow", "lib-rdv-provisioner"]


def test_every_command_of_the_guide_exists() -> None:
    named = re.findall(r"(?:^    |`|&& )lib-rdv ([a-z_]+)", GUIDE, re.MULTILINE)

    assert len(named) > 12
    assert set(named) - {"staff"} <= set(get_commands())
    assert not re.search(r"^    .*manage\.py", GUIDE, re.MULTILINE)


def test_every_file_that_the_guide_names_exists() -> None:
    named = re.findall(r"docs/[\w./*-]+[\w*]", GUIDE)

    assert len(named) > 5
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_the_random_values_of_the_guide_are_accepted() -> None:
    """The one generator of the guide gave 44 characters for a key that needs 50."""
    made = {
        name: subprocess.run(
            ["sh", "-c", command], check=True, capture_output=True, text=True
        ).stdout
        for name, command in re.findall(
            r"^    (\w+)=(?:k1:)? +(python3 -c .+)$", GUIDE, re.MULTILINE
        )
    }

    assert len(made["SECRET_KEY"].strip()) >= 50
    assert len(b64decode(made["LIBRDV_KEKS"])) == KEY_BYTES


def test_a_restore_is_described_with_all_that_it_needs() -> None:
    text = section(7)

    for word in ("--without-ledger", "git worktree", "ALTER ROLE app", "/etc/lib-rdv", "drop it"):
        assert word in text
