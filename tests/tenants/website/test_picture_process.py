"""Pictures are encoded in a process of their own, one at a time, within limits of memory and time."""

import io
import subprocess
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from tenants import edit_form
from tenants.concurrency_limit import ConcurrencyLimit, NoPlaceFree
from tenants.website import picture_process, pictures
from tenants.website.errors import UnusablePicture
from tenants.website.forms import PICTURE_REFUSED, PhotoForm


def png(width: int, height: int) -> bytes:
    """Return a PNG with an alpha channel and 16 bits a sample, the dearest to decode: 8 bytes a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 6, 0, 0, 0])
    lines = zlib.compress(b"\0" * (height * (1 + 8 * width)), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """Return a photo of one colour."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(written, "JPEG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "encoder"),
    [(picture_process.PHOTO, pictures.encode_photo), (picture_process.LOGO, pictures.encode_logo)],
)
def test_the_process_makes_what_the_encoder_makes(kind: str, encoder: Any) -> None:
    """Both sizes come back as they were made."""
    data = jpeg(1500, 1000)

    assert picture_process.encode(kind, io.BytesIO(data)) == encoder(io.BytesIO(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no picture", pictures.NOT_A_PICTURE),
        (jpeg(100, 100), pictures.TOO_SMALL),
        (png(5000, 5000), pictures.TOO_MANY_PIXELS),
        (b"\0" * (pictures.MOST_BYTES + 1), pictures.TOO_HEAVY),
    ],
)
def test_the_reason_of_a_refusal_comes_back(data: bytes, reason: str) -> None:
    """A PNG may have fewer pixels than a photo: it is decoded whole."""
    with pytest.raises(UnusablePicture) as refused:
        picture_process.encode(picture_process.PHOTO, io.BytesIO(data))

    assert refused.value.reason == reason


def test_the_dearest_picture_that_is_accepted_fits_the_limits() -> None:
    """16 million pixels of 16 bits with an alpha channel."""
    made = picture_process.encode(picture_process.PHOTO, io.BytesIO(png(4000, 4000)))

    assert (made.large.width, made.large.height) == pictures.PHOTO_LARGE


def test_a_photo_of_fifty_million_pixels_is_made_smaller() -> None:
    """Telephones take such photos; a progressive file without sampling needs the most memory of a JPEG."""
    written = io.BytesIO()
    Image.new("RGB", (8160, 6144), "teal").save(
        written, "JPEG", progressive=True, subsampling=0, quality=90
    )

    made = picture_process.encode(picture_process.PHOTO, io.BytesIO(written.getvalue()))

    assert (made.large.width, made.large.height) == pictures.PHOTO_LARGE


@pytest.mark.parametrize(
    ("name", "value"), [("MOST_MEMORY", 1), ("SECONDS", 0.01)], ids=["memory", "time"]
)
def test_what_exceeds_the_limits_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    """A process that its limits end is a refusal with words."""
    if name == "SECONDS":
        monkeypatch.setattr(picture_process, name, value)
    else:
        run = subprocess.run
        code = (
            "import sys; from tenants.website import picture_process as it; it.MOST_MEMORY = 1 << 26;"
            " sys.argv[1:] = ['photo']; sys.exit(it.main())"
        )
        monkeypatch.setattr(
            subprocess,
            "run",
            lambda command, **named: run([command[0], "-c", code], **named),
        )

    with pytest.raises(UnusablePicture) as refused:
        picture_process.encode(picture_process.PHOTO, io.BytesIO(png(4000, 4000)))

    assert refused.value.reason in {pictures.TOO_MANY_PIXELS, pictures.NOT_A_PICTURE}


def test_pictures_wait_in_no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is encoded and one waits, a further one is refused at once."""
    holding = ConcurrencyLimit("pictures", holders=1, waiters=1, wait_seconds=0)
    waiting = ConcurrencyLimit("pictures-wait", holders=1, waiters=0, wait_seconds=0)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("encoded"))

    with holding.enter(), waiting.enter(), pytest.raises(NoPlaceFree):
        picture_process.encode(picture_process.PHOTO, io.BytesIO(jpeg(1500, 1000)))


def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoders run without the environment: it holds keys and the address of the database."""
    seen: list[Any] = []
    run = subprocess.run

    def watched(*args: Any, **named: Any) -> Any:
        seen.append(named["env"])
        return run(*args, **named)

    monkeypatch.setattr(subprocess, "run", watched)

    picture_process.encode(picture_process.PHOTO, io.BytesIO(jpeg(1500, 1000)))

    assert seen == [{}]


def test_a_picture_is_encoded_before_the_lock_of_its_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends the same form meanwhile would wait for the lock, in a thread that others need."""
    order: list[str] = []

    def encode(kind: str, file: Any) -> Any:
        order.append(f"encode {kind}")
        raise UnusablePicture(pictures.TOO_SMALL)

    monkeypatch.setattr(picture_process, "encode", encode)
    monkeypatch.setattr(edit_form, "lock_subject", lambda subject: order.append(f"lock {subject}"))
    sent = SimpleUploadedFile("a.png", b"x")

    form = PhotoForm({}, {"file": sent}, has_picture=False, subject="site.photo", stored=dict)

    assert order == ["encode photo", "lock site.photo"]
    assert form.errors["file"] == [str(PICTURE_REFUSED[pictures.TOO_SMALL])]


def test_the_process_has_a_low_priority_before_it_imports_anything() -> None:
    """Its start alone takes a core for a fifth of a second."""
    first, _, _rest = picture_process._PROGRAM.partition("import runpy")

    assert f"os.nice({picture_process.NICENESS})" in first
