"""The link of a video place is an https address of a named host, and nothing that ends a link in a message."""

import pytest

from booking.rules.video_links import LONGEST, read_video_link


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://visio.example/salle", "https://visio.example/salle"),
        (" https://Visio.Example/Salle ", "https://visio.example/Salle"),
        ("HTTPS://visio.example/s?pwd=a%20b#x", "https://visio.example/s?pwd=a%20b#x"),
        ("https://xn--cabinet-exmple-hhb.fr/", "https://xn--cabinet-exmple-hhb.fr/"),
    ],
)
def test_a_link_is_stored(typed: str, stored: str) -> None:
    assert read_video_link(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "visio.example/salle",
        "http://visio.example/salle",
        "javascript:alert(1)",
        "https:///salle",
        "https://salle",
        "https://127.0.0.1/salle",
        "https://[::1]/salle",
        "https://user@visio.example/salle",
        "https://visio.example:8443/salle",
        "https://visio..example/",
        "https://-visio.example/",
        "https://visio.example/sal le",
        "https://visio.example/<b>",
        'https://visio.example/"onclick',
        "https://visio.example/\nx",
        "https://visio.example/\u202e",
        "https://visio.example/" + "x" * LONGEST,
    ],
)
def test_another_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"host|link"):
        read_video_link(typed)
