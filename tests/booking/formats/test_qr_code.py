"""The QR code is an SVG document with the modules of the encoded text."""

import re
from xml.etree import ElementTree

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from booking.formats.qr_code import QUIET_ZONE, svg_of

ADDRESS = "https://maite.lib-rdv.example/"


def test_the_code_draws_every_dark_module_and_no_other() -> None:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(ADDRESS)
    code.make(fit=True)

    root = ElementTree.fromstring(svg_of(ADDRESS))

    rows = code.get_matrix()
    dark = {(x, y) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark}
    drawn = re.findall(r"M(\d+) (\d+)h1v1h-1z", root[1].attrib["d"])
    assert {(int(x), int(y)) for x, y in drawn} == dark
    assert root.attrib["viewBox"] == f"0 0 {len(rows)} {len(rows)}"


def test_the_svg_has_no_text_and_no_external_address() -> None:
    found = svg_of(ADDRESS)

    assert "style" not in found
    assert re.findall(r"https?://[^\"]*", found) == ["http://www.w3.org/2000/svg"]
