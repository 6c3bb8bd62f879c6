"""Creates `.venv` from the lock file. Needs Python and the standard library only.

Can be killed and run again: a marker file means that an installation has started, a stamp file that it ended. A
`.venv` that is a link belongs to another checkout, which installs it: here it is used as it is.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.lock"
STAMP = VENV / "installed"
BEGUN = VENV / "begun"


def lock_digest() -> str:
    """Return SHA-256 of the lock file, which the stamp file must contain."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def missing() -> str | None:
    """Return a message about a missing prerequisite; None when nothing is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the script may be started by an older Python
        return f"lib-rdv needs Python 3.11 or newer; this is {sys.version.split()[0]}."
    if sys.version_info >= (3, 13) and shutil.which("redis-server") is None:
        return (
            "On Python 3.13 and newer there is no embedded Redis: install redis-server, or use"
            " Python 3.11 or 3.12 (make PYTHON=python3.12 ...)."
        )
    if importlib.util.find_spec("ensurepip") is None:
        return (
            "This Python cannot make a virtual environment (module ensurepip is missing)."
            " On Debian and Ubuntu: apt-get install python3-venv."
        )
    return None


def works(python: Path) -> bool:
    """Return whether the environment's Python starts and has pip."""
    if not python.exists():
        return False
    check = [str(python), "-c", "import pip"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def install() -> int:
    """Create the environment or update it to the lock; return the exit code of the failed step, or 0."""
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
    # The lock is complete. With dependency resolution pip would select newer releases of extras, for which
    # the lock has no hash, and refuse the installation.
    command += ["--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    installed = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if installed == 0:
        STAMP.write_text(lock_digest(), "ascii")
        BEGUN.unlink()
    else:
        print("The packages could not be installed: is a package index reachable?", file=sys.stderr)
    return installed


def is_current() -> bool:
    """Return whether an installation ended with this lock file."""
    return STAMP.exists() and not BEGUN.exists() and STAMP.read_text("ascii") == lock_digest()


def main() -> int:
    """Install unless `.venv` matches the lock or belongs to another checkout; return the exit code."""
    if is_current():
        return 0
    if VENV.is_symlink() and works(VENV / "bin" / "python"):
        print("Using the linked .venv, which was not installed from this lock.", file=sys.stderr)
        return 0
    problem = missing()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return install()


if __name__ == "__main__":
    sys.exit(main())
