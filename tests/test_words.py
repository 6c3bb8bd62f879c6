"""One word for one thing: no name holds a word that the table of `tests.house_figures` retires."""

from pathlib import Path

import pytest

from tests.house_figures import Name, Tree, Vocabulary, retired_names

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def found() -> list[tuple[str, Name]]:
    """The retired words of this tree, each with the name that holds it."""
    return retired_names(Tree(ROOT))


def lines(found: list[tuple[str, Name]], *, in_test_names: bool) -> list[str]:
    """Where each name is bound, and what its word is called now."""
    vocabulary = Vocabulary()
    return sorted(
        {
            f"{name.path}:{name.line} {name.kind} {name.text}: {word} is {vocabulary.now(word)}"
            for word, name in found
            if (name.kind == "test") == in_test_names
        }
    )


def test_no_name_holds_a_retired_word(found: list[tuple[str, Name]]) -> None:
    assert lines(found, in_test_names=False) == []


def test_no_test_function_is_named_with_a_retired_word(found: list[tuple[str, Name]]) -> None:
    assert lines(found, in_test_names=True) == []
