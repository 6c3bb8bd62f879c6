"""The command line of PostgreSQL's programs names no password."""

import pytest

from tenants.database.client_programs import without_password


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgres://o:s%40cret@db.host:5433/librdv", "postgres://o@db.host:5433/librdv", "s@cret"),
        ("postgres:///librdv", "postgres:///librdv", None),
        ("postgres://owner@/librdv", "postgres://owner@/librdv", None),
        (
            "postgres://o@h/d?password=cret&sslmode=require",
            "postgres://o@h/d?sslmode=require",
            "cret",
        ),
        ("postgres://o:a:b@h/d", "postgres://o@h/d", "a:b"),
        ("postgres:///d?host=/run/pg", "postgres:///d?host=%2Frun%2Fpg", None),
    ],
)
def test_the_password_moves_into_the_environment(
    url: str, bare: str, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of another login")
    found, environment = without_password(url)

    assert found == bare
    assert environment.get("PGPASSWORD") == password
    assert environment["PATH"]
