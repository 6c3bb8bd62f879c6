"""When `make` installs the environment, and when it leaves it as it is."""

from pathlib import Path

import pytest

from config.devtools import bootstrap


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A checkout with a lock and an environment that works; returns the list of installations."""
    installed: list[str] = []
    venv = tmp_path / ".venv"
    venv.mkdir()
    (tmp_path / "lock").write_text("one==1", "ascii")
    monkeypatch.setattr(bootstrap, "LOCK", tmp_path / "lock")
    _use(monkeypatch, venv)
    monkeypatch.setattr(bootstrap, "missing", lambda: None)
    monkeypatch.setattr(bootstrap, "works", lambda python: True)

    def install() -> int:
        installed.append("all")
        return 0

    monkeypatch.setattr(bootstrap, "install", install)
    return installed


def _use(monkeypatch: pytest.MonkeyPatch, venv: Path) -> None:
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "STAMP", venv / "installed")
    monkeypatch.setattr(bootstrap, "BEGUN", venv / "begun")


def test_an_environment_of_this_lock_is_left_alone(checkout: list[str]) -> None:
    bootstrap.STAMP.write_text(bootstrap.lock_digest(), "ascii")

    assert bootstrap.main() == 0
    assert checkout == []


@pytest.mark.parametrize("stamp", ["", "of another lock"])
def test_another_lock_is_installed(checkout: list[str], stamp: str) -> None:
    bootstrap.STAMP.write_text(stamp, "ascii")

    assert bootstrap.main() == 0
    assert checkout == ["all"]


def test_an_interrupted_installation_is_done_again(checkout: list[str]) -> None:
    bootstrap.STAMP.write_text(bootstrap.lock_digest(), "ascii")
    bootstrap.BEGUN.touch()

    assert bootstrap.main() == 0
    assert checkout == ["all"]


def test_the_environment_of_another_checkout_is_used_and_never_changed(
    checkout: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two checkouts that share an environment would install one lock over the other."""
    linked = tmp_path / "linked"
    linked.symlink_to(bootstrap.VENV)
    _use(monkeypatch, linked)
    bootstrap.STAMP.write_text("of another lock", "ascii")

    assert bootstrap.main() == 0
    assert checkout == []
    assert bootstrap.STAMP.read_text("ascii") == "of another lock"


def test_a_link_to_nothing_is_installed(
    checkout: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = tmp_path / "linked"
    linked.symlink_to(tmp_path / "nowhere")
    _use(monkeypatch, linked)
    monkeypatch.setattr(bootstrap, "works", lambda python: False)

    assert bootstrap.main() == 0
    assert checkout == ["all"]
