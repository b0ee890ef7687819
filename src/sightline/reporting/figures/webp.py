"""A figure for the page, as WebP: a chart takes a third of its PNG, photographs a tenth."""

import io
from pathlib import Path

from PIL import Image

_LOSSLESS = {"lossless": True, "quality": 30}  # More effort takes longer and saves little
_LOSSY = {"lossless": False, "quality": 80}
_METHOD = 2  # From 0 (fast) to 6 (small)
_LEAST = 3  # A PNG is at most about so many times as large as its lossless WebP


def of_png(path: Path) -> bytes:
    """Encode a PNG as WebP; see `encode`."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA")  # WebP leaves an opaque alpha out
    return encode(image, path.stat().st_size)


def encode(image: Image.Image, png_bytes: int) -> bytes:
    """Encode an image as WebP, without loss unless that takes twice as much.

    Of photographs, the size of the PNG says so: encoding them without loss takes ten times as long.
    """
    lossy = _encode(image, **_LOSSY)
    if 2 * _LEAST * len(lossy) < png_bytes:
        return lossy
    lossless = _encode(image, **_LOSSLESS)
    return lossy if 2 * len(lossy) < len(lossless) else lossless


def _encode(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", method=_METHOD, **options)
    return buffer.getvalue()
