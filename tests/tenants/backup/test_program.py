"""A backup names the program that made it."""

from pathlib import Path

from tenants.backup import program

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def repository(root: Path, head: str) -> Path:
    (root / ".git" / "refs" / "heads").mkdir(parents=True)
    (root / ".git" / "HEAD").write_text(f"{head}\n")
    return root


def test_the_commit_of_a_branch_a_packed_branch_and_a_detached_head(tmp_path: Path) -> None:
    loose = repository(tmp_path / "loose", "ref: refs/heads/main")
    (loose / ".git" / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    packed = repository(tmp_path / "packed", "ref: refs/heads/main")
    (packed / ".git" / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    detached = repository(tmp_path / "detached", COMMIT)

    assert [program.commit_of(root) for root in (loose, packed, detached)] == [COMMIT] * 3


def test_a_program_without_a_repository_has_an_unknown_commit(tmp_path: Path) -> None:
    assert program.commit_of(tmp_path) == program.UNKNOWN
    assert program.program_version().startswith("0.")


def test_the_digest_of_the_migrations_is_the_same_twice() -> None:
    assert program.migrations_digest() == program.migrations_digest()
    assert len(program.migrations_digest()) == 64
