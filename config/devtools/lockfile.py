"""Resolves the dependencies into the two locks, and checks that wheels exist for each Python."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = "3.11"
PYTHONS = ("3.11", "3.12", "3.13")
LOCKS = ("requirements.lock", "requirements-dev.lock")


def uv() -> str:
    """Return the path of uv: from PATH, else installed in an environment under `.cache`."""
    found = shutil.which("uv")
    if found:
        return found
    folder = ROOT / ".cache" / "uv"
    binary = folder / "bin" / "uv"
    if not binary.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"]
        subprocess.run(command, check=True)
    return str(binary)


def compile_lock(lock: str, *extra: str) -> None:
    """Write one lock file for every platform and Python, with hashes and without an index address."""
    command = [uv(), "pip", "compile", "pyproject.toml", "--quiet", "--universal"]
    command += ["--generate-hashes", "--python-version", OLDEST, "--output-file", lock, *extra]
    environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def lock(*, upgrade: bool) -> None:
    """Write the development lock, then the production lock with the same versions."""
    compile_lock(LOCKS[1], "--group", "dev", *(["--upgrade"] if upgrade else []))
    (ROOT / LOCKS[0]).unlink(missing_ok=True)
    compile_lock(LOCKS[0], "--constraints", LOCKS[1])


def check_wheels() -> int:
    """Download the wheels of each lock for each Python and print their number; return 1 when one is missing."""
    failed = 0
    for version in PYTHONS:
        for name in LOCKS:
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
                command += ["--only-binary=:all:", "--python-version", version, "--dest", folder]
                command += ["--disable-pip-version-check", "--no-deps", "-r", _for(version, name)]
                code = subprocess.run(command, cwd=ROOT, check=False).returncode
                count = len(list(Path(folder).glob("*.whl")))
            print(f"{name} on Python {version}: {count} wheels, {'ok' if code == 0 else 'FAILED'}")
            failed |= code
    return failed


def _for(version: str, name: str) -> str:
    """Write a copy of the lock for one Python version; return its path.

    pip evaluates markers for the Python that runs it, not for `--python-version`, so lines for other versions
    are removed first.
    """
    from packaging.requirements import Requirement

    environment = {"python_version": version, "python_full_version": f"{version}.9"}
    kept: list[str] = []
    for block in (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines():
        requirement = block.split("--hash", 1)[0].strip()
        if not requirement or requirement.startswith("#"):
            continue
        marker = Requirement(requirement).marker
        if marker is None or marker.evaluate(environment):
            pinned = requirement.split(";", 1)[0].strip()
            kept.append(f"{pinned} {block[len(block.split('--hash', 1)[0]) :].strip()}")
    target = ROOT / ".cache" / f"{version}-{name}"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(kept) + "\n", "utf-8")
    return str(target)


if __name__ == "__main__":
    if "--check-wheels" in sys.argv:
        sys.exit(check_wheels())
    lock(upgrade="--upgrade" in sys.argv)
