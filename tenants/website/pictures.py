"""Re-encodes uploaded pictures in two sizes and keeps only their visible pixels.

EXIF data, position, colour profile, texts and transparent content are removed. Only the decoders of JPEG, PNG
and WebP run, on files of a bounded size. Pages use `tenants.website.picture_process`.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image, ImageOps

from tenants.website.errors import UnusablePicture

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_PIXELS: Final = 52_000_000
"""Of a JPEG, which is decoded at a fraction of its size: telephones take photos of 50 million."""
MOST_PIXELS_WHOLE: Final = 16_000_000
"""Of the other formats, which are decoded whole: a page of A4 at 400 dots per inch has 15.5 million."""
MOST_SIDE: Final = 10_000
FORMATS: Final = ("JPEG", "PNG", "WEBP")
MEDIA_TYPE: Final = "image/webp"
PHOTO_BYTES: Final = 120 * 1024
PHOTO_LARGE, PHOTO_SMALL = (1200, 800), (600, 400)
LOGO_LARGE, LOGO_SMALL = (320, 88), (160, 44)
_NAMED_FORMATS: Final = (
    (0, b"GIF8", "gif"),
    (0, b"BM", "bmp"),
    (0, b"%PDF", "pdf"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (4, b"ftypavif", "avif"),
    (4, b"ftypavis", "avif"),
    (4, b"ftypheic", "heic"),
    (4, b"ftypheix", "heic"),
    (4, b"ftyphevc", "heic"),
    (4, b"ftyphevx", "heic"),
    (4, b"ftypheim", "heic"),
    (4, b"ftypheis", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftypmsf1", "heic"),
)
"""Where the first bytes of formats that are not decoded stand, and the reason of the refusal."""
_LEAST_LOGO: Final = 16
_QUALITIES: Final = (82, 74, 66, 58, 50, 40, 30, 20, 10)

HEIC = "heic"
OTHER_FORMATS: Final = {
    "avif": "AVIF", "bmp": "BMP", "gif": "GIF", "pdf": "PDF", "svg": "SVG", "tiff": "TIFF",
}  # fmt: skip
"""The names of other formats that people send, by the reason of the refusal."""
TOO_HEAVY, NOT_A_PICTURE, TOO_MANY_PIXELS, TOO_SMALL = "heavy", "format", "pixels", "small"


@dataclass(frozen=True)
class EncodedSize:
    """The encoded bytes of one size; width and height in pixels."""

    data: bytes
    width: int
    height: int
    media_type: str = MEDIA_TYPE

    @property
    def digest(self) -> str:
        """Return SHA-256 of the bytes in hexadecimal, used as ETag."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Encoded:
    """Both sizes of one picture."""

    large: EncodedSize
    small: EncodedSize


def encode_photo(file: BinaryIO) -> Encoded:
    """Return a photo cropped to 3:2. Raises UnusablePicture."""
    picture = _read(file, least=PHOTO_SMALL)
    flat = _flattened(picture)
    small = _lossy(ImageOps.fit(flat, PHOTO_SMALL, Image.Resampling.LANCZOS))
    if not _holds(flat, PHOTO_LARGE):
        return Encoded(large=small, small=small)
    large = _lossy(ImageOps.fit(flat, PHOTO_LARGE, Image.Resampling.LANCZOS))
    # Fine textures may exceed the limit at any quality: then the small size serves as both sizes.
    return Encoded(large=large if len(large.data) <= PHOTO_BYTES else small, small=small)


def encode_logo(file: BinaryIO) -> Encoded:
    """Return a logo with its aspect ratio and transparency. Raises UnusablePicture."""
    picture = _read(file, least=(_LEAST_LOGO, _LEAST_LOGO))
    picture = picture.convert("RGBA")
    return Encoded(large=_lossless(picture, LOGO_LARGE), small=_lossless(picture, LOGO_SMALL))


def _read(file: BinaryIO, *, least: tuple[int, int]) -> Image.Image:
    """Return the first frame, rotated upright. The size in the header is checked before decoding."""
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UnusablePicture(TOO_HEAVY)
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(picture)
        if picture.format == "JPEG":
            # The decoder may skip pixels, which saves memory for large photos.
            picture.draft("RGB", (PHOTO_LARGE[0] * 2, PHOTO_LARGE[1] * 2))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusablePicture(TOO_MANY_PIXELS) from None
    # Each decoder raises its own errors for a broken file.
    except (
        OSError,
        struct.error,
        ValueError,
        SyntaxError,
        EOFError,
        TypeError,
        KeyError,
        IndexError,
        MemoryError,
    ):
        raise UnusablePicture(_format_of(data)) from None
    if not _holds(upright, least):
        raise UnusablePicture(TOO_SMALL)
    return upright


def _format_of(data: bytes) -> str:
    """Return the reason of the refusal of a file that no decoder reads: its format where it is a known one."""
    for start, mark, reason in _NAMED_FORMATS:
        if data.startswith(mark, start):
            return reason
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return (
        "svg"
        if head.startswith((b"<svg", b"<?xml", b"<!--")) and b"<svg" in head
        else NOT_A_PICTURE
    )


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    most = MOST_PIXELS if picture.format in {"JPEG", "MPO"} else MOST_PIXELS_WHOLE
    if width * height > most or max(width, height) > MOST_SIDE:
        raise UnusablePicture(TOO_MANY_PIXELS)


def _holds(picture: Image.Image, size: tuple[int, int]) -> bool:
    """Return whether a picture fills a size in pixels without enlargement."""
    return picture.width >= size[0] and picture.height >= size[1]


def _flattened(picture: Image.Image) -> Image.Image:
    """Return the picture on a white ground, without transparency."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    layer = picture.convert("RGBA")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _bare(picture: Image.Image) -> Image.Image:
    """Return a copy of the pixels without the decoder's metadata (EXIF, profile, comment)."""
    alone = Image.new(picture.mode, picture.size)
    alone.paste(picture)
    return alone


def _lossy(picture: Image.Image) -> EncodedSize:
    """Return the picture in the best quality of at most PHOTO_BYTES, or in the lowest one."""
    alone = _bare(picture)
    data = b""
    for quality in _QUALITIES:
        written = io.BytesIO()
        alone.save(written, "WEBP", quality=quality, method=4)
        data = written.getvalue()
        if len(data) <= PHOTO_BYTES:
            break
    return EncodedSize(data, alone.width, alone.height)


def _lossless(picture: Image.Image, box: tuple[int, int]) -> EncodedSize:
    small = picture.copy()
    small.thumbnail(box, Image.Resampling.LANCZOS)
    alone = _bare(small)
    written = io.BytesIO()
    alone.save(written, "WEBP", lossless=True, method=4)
    return EncodedSize(written.getvalue(), alone.width, alone.height)
