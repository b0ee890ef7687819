"""A figure for the page, as WebP: a chart takes a third of its PNG, photographs a tenth."""

import io
from pathlib import Path

from PIL import Image

# The method is from 0 (fast) to 6 (small); more effort takes longer and saves little
_LOSSLESS = {"lossless": True, "quality": 30, "method": 1}
_LOSSY = {"lossless": False, "quality": 80, "method": 2}
_LEAST = 3  # A PNG is at most about so many times as large as its lossless WebP


def convert(png: Path) -> Path:
    """Encode a PNG as WebP beside it, as `encode` does."""
    with Image.open(png) as opened:
        image = opened.convert("RGBA")  # WebP leaves an opaque alpha out
    page = png.with_suffix(".webp")
    page.write_bytes(encode(image, png.stat().st_size))
    return page


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
    image.save(buffer, format="WEBP", **options)
    return buffer.getvalue()
