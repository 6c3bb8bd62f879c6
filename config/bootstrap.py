"""Makes `.venv` from the lock, for whoever has Python and nothing else. Standard library only.

Safe to kill and to run again: a marker says that an installation was begun, a stamp that it ended.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.lock"
STAMP = VENV / "installed"
BEGUN = VENV / "begun"


def wanted() -> str:
    """What the environment must have been made from."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def missing() -> str | None:
    """The prerequisite that is missing, in words for the person at the terminal."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this may have an older one
        return f"lib-rdv needs Python 3.11 or newer; this is {sys.version.split()[0]}."
    if sys.version_info >= (3, 13) and shutil.which("redis-server") is None:
        return (
            "On Python 3.13 and newer there is no embedded Redis: install redis-server, or use"
            " Python 3.11 or 3.12 (make PYTHON=python3.12 ...)."
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return (
            "This Python cannot make a virtual environment (module ensurepip is missing)."
            " On Debian and Ubuntu: apt-get install python3-venv."
        )
    return None


def works(python: Path) -> bool:
    """Whether the environment's Python starts and has its pip."""
    if not python.exists():
        return False
    check = [str(python), "-c", "import pip"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def install() -> int:
    """Make the environment, or bring it up to the lock; the exit code of what failed."""
    python = VENV / "bin" / "python"
    if BEGUN.exists() or not works(python):
        print("Making .venv ...", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)], check=False
        ).returncode
        if made != 0:
            return made
    STAMP.unlink(missing_ok=True)
    BEGUN.touch()
    print("Installing what requirements-dev.lock names (a minute or two) ...", flush=True)
    command = [str(python), "-m", "pip", "install", "-qq", "--no-input"]
    # The lock is whole. Left to look for dependencies, pip takes the newest release of an extra that was
    # published since, which no hash of ours names, and refuses everything.
    command += ["--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    installed = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if installed == 0:
        STAMP.write_text(wanted(), "ascii")
        BEGUN.unlink()
    else:
        print("The packages could not be installed: is a package index reachable?", file=sys.stderr)
    return installed


def main() -> int:
    """Leave a `.venv` that matches the lock."""
    if STAMP.exists() and not BEGUN.exists() and STAMP.read_text("ascii") == wanted():
        return 0
    problem = missing()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return install()


if __name__ == "__main__":
    sys.exit(main())
