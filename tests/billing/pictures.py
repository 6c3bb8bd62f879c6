"""Draws the samples of documents as pictures, to look at: `python -m tests.billing.pictures FOLDER`."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import typst

from billing.drawing import FONTS, TEMPLATES
from billing.invoicing.page import page
from billing.orders.order_page import order_page
from billing.sepa.mandate_page import mandate_page
from tests.billing.invoicing.samples import BASE, BUYER, SAMPLES, line, subscription
from tests.billing.orders.order_samples import ORDERS
from tests.billing.sepa.test_mandate_page import BY_HAND, ONLINE

PIXELS_PER_INCH = 80


def documents() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield name, template and texts of each document."""
    many = tuple(subscription(name=f"Abonnement du praticien {number}") for number in range(1, 41))
    long = replace(
        BUYER,
        name="Société civile professionnelle de masseurs-kinésithérapeutes Etcheverry-Larralde, Dupont-Lœuvre "
        "et associés",
        trade_name="Cabinet pluridisciplinaire de la rue des Thermes et du quai de la République",
    )
    others = {
        "forty lines": replace(BASE, lines=many),
        "long names": replace(BASE, buyer=long, lines=(line("x" * 90), line("mot " * 40))),
        "draft": replace(SAMPLES["discount"], number=""),
    }
    for name, snapshot in {**SAMPLES, **others}.items():
        yield name, "invoice", page(snapshot)
    for name, order in ORDERS.items():
        yield f"order {name}", "order_form", order_page(order)
    for name, mandate in {"online": ONLINE, "by hand": BY_HAND}.items():
        yield f"mandate {name}", "mandate", mandate_page(mandate)


def draw_pages(template: str, texts: Mapping[str, Any]) -> list[bytes]:
    """Return the pages of a document as PNG."""
    drawn: Any = typst.compile(
        TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(texts, ensure_ascii=False), "attachment": ""},
        format="png",
        ppi=PIXELS_PER_INCH,
    )
    return drawn if isinstance(drawn, list) else [drawn]


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, template, texts in documents():
        for number, picture in enumerate(draw_pages(template, texts), 1):
            (folder / f"{name.replace(' ', '-')}-{number}.png").write_bytes(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
