"""The demonstration refuses data that its migrations cannot bring up to date."""

from pathlib import Path

import pytest

from config.devtools.demo import CannotStartError, check_layout


def test_a_new_folder_is_accepted_and_again_with_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "demo"

    check_layout(folder)
    (folder / "postgres").mkdir()
    check_layout(folder)

    assert (folder / "layout").exists()


@pytest.mark.parametrize("layout", [None, "1"])
def test_data_of_another_layout_are_refused_with_the_command_to_type(
    tmp_path: Path, layout: str | None
) -> None:
    (tmp_path / "postgres").mkdir()
    if layout is not None:
        (tmp_path / "layout").write_text(layout, "utf-8")

    with pytest.raises(CannotStartError, match="make demo-reset"):
        check_layout(tmp_path)
