"""Pages are loaded without the indentation of their templates, mails in plain text as they are."""

from pathlib import Path

import pytest
from django.template import Engine


@pytest.mark.parametrize(
    ("name", "loaded"),
    [
        ("page.html", "<ul>\n\n<li>\n10\u00a0h  30\n</li>\n</ul>\n"),
        ("mail.txt", "<ul>\n\n  <li>\n    10\u00a0h  30\n  </li>\n</ul>\n"),
    ],
)
def test_only_a_page_loses_its_indentation(tmp_path: Path, name: str, loaded: str) -> None:
    text = "<ul>\n\n  <li>\n    10\u00a0h  30\n  </li>\n</ul>\n"
    (tmp_path / name).write_text(text, encoding="utf-8")

    engine = Engine(dirs=[str(tmp_path)], loaders=["config.template_loader.Loader"])

    assert engine.get_template(name).source == loaded
