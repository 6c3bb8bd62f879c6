"""Uploaded pictures: hostile and broken files are refused, metadata of valid ones are removed."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tenants.website import pictures
from tenants.website.errors import UnusablePicture
from tenants.website.pictures import encode_logo, encode_photo

GPS = 0x8825


def picture(
    size: tuple[int, int] = (900, 600), *, mode: str = "RGB", kind: str = "JPEG", **options: object
) -> bytes:
    """Return a file of one colour."""
    written = io.BytesIO()
    Image.new(mode, size, "teal" if mode != "RGBA" else (10, 79, 92, 128)).save(
        written, kind, **options
    )
    return written.getvalue()


def noise(size: tuple[int, int]) -> bytes:
    """Return a picture that compresses badly."""
    written = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(written, "PNG")
    return written.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG whose header promises many pixels, in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 65536))
        + chunk(b"IEND", b"")
    )


def refusal(data: bytes) -> str:
    """Return the reason why a file is refused as a photo."""
    with pytest.raises(UnusablePicture) as refused:
        encode_photo(io.BytesIO(data))
    return refused.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_are_encoded_in_two_sizes(kind: str) -> None:
    made = encode_photo(io.BytesIO(picture((1500, 1500), kind=kind)))

    large = Image.open(io.BytesIO(made.large.data))
    assert (large.format, large.size) == ("WEBP", (1200, 800))
    assert (made.small.width, made.small.height) == (600, 400)
    assert made.large.digest != made.small.digest


def test_a_heavy_photo_stays_under_the_limit() -> None:
    made = encode_photo(io.BytesIO(noise((1600, 1100))))

    assert len(made.large.data) <= pictures.PHOTO_BYTES
    assert len(made.small.data) <= pictures.PHOTO_BYTES


def test_exif_profile_and_comment_are_removed() -> None:
    exif = Image.Exif()
    exif[0x010F] = "APPAREIL-TEMOIN"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (43.0, 26.0, 12.0)
    sent = picture(exif=exif.tobytes(), icc_profile=b"PROFIL-TEMOIN", comment=b"COMMENTAIRE-TEMOIN")
    assert Image.open(io.BytesIO(sent)).getexif().get_ifd(GPS)

    made = encode_photo(io.BytesIO(sent))

    for size in (made.large, made.small):
        kept = Image.open(io.BytesIO(size.data))
        assert not kept.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(kept.info)
        assert b"TEMOIN" not in size.data


def test_a_rotated_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    made = encode_logo(io.BytesIO(picture((400, 100), exif=exif.tobytes())))

    assert made.large.height > made.large.width


def test_trailing_data_of_a_file_are_removed() -> None:
    polyglot = picture() + b"PK\x03\x04<script>alert(1)</script>"

    made = encode_photo(io.BytesIO(polyglot))

    assert b"<script" not in made.large.data
    assert b"PK\x03\x04" not in made.large.data


def test_transparency_of_a_photo_becomes_white_and_that_of_a_logo_stays() -> None:
    sent = picture(mode="RGBA", kind="PNG")

    photo, logo = encode_photo(io.BytesIO(sent)), encode_logo(io.BytesIO(sent))

    assert Image.open(io.BytesIO(photo.large.data)).mode == "RGB"
    assert Image.open(io.BytesIO(logo.large.data)).mode == "RGBA"
    assert logo.large.height <= 88
    assert logo.small.height <= 44


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", pictures.NOT_A_PICTURE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "svg"),
        (b"<?xml version='1.0'?><a/>", "format"),
        (b"<html><script>alert(1)</script></html>", "format"),
        (b"%PDF-1.7\n", "pdf"),
        (picture(kind="GIF", mode="P"), "gif"),
        (picture(kind="BMP"), "bmp"),
        (picture(kind="TIFF"), "tiff"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1", "heic"),
        (picture(kind="AVIF"), "avif"),
        (b"\0\0\0\x18ftypmp42", "format"),
        (b"\xff\xd8\xff\xe0 no picture", "format"),
        (bomb(60_000, 60_000), "pixels"),
        (bomb(12_000, 12_000), "pixels"),
        (bomb(5_001, 5_001), "pixels"),
        (bomb(1, 20_000), "pixels"),
        (bomb(1200, 800), "format"),
        (picture((599, 400)), "small"),
        (b"\0" * (pictures.MOST_BYTES + 1), "heavy"),
    ],
    ids=lambda given: given if isinstance(given, str) else f"{len(given)} bytes",
)
def test_an_unusable_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    written = io.BytesIO()
    Image.effect_noise((900, 600), 90).convert("RGB").save(written, kind)

    assert refusal(written.getvalue()[: len(written.getvalue()) // 2]) == "format"


def test_a_picture_full_of_text_is_refused_or_loses_it() -> None:
    """A PNG may unpack to gigabytes of text: the decoder's own limit holds."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    plain = picture(kind="PNG")
    packed = chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"a" * 80_000_000))
    sent = plain[:33] + packed + plain[33:]

    assert refusal(sent) == "format"


def test_only_the_first_frame_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", (900, 600), colour) for colour in ("red", "green", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:])

    made = encode_photo(io.BytesIO(written.getvalue()))

    assert getattr(Image.open(io.BytesIO(made.large.data)), "n_frames", 1) == 1
