"""A figure for the page, as WebP: a chart takes a third of its PNG, photographs a tenth."""

import io
from pathlib import Path

from PIL import Image

# The method is from 0 (fast) to 6 (small); more effort takes longer and saves little
_LOSSLESS = {"lossless": True, "quality": 30, "method": 1}
_LOSSY = {"lossless": False, "quality": 80, "method": 2}
_LEAST = 3  # A PNG is at most about so many times as large as its lossless WebP
_CHART = 0.2  # Bytes a pixel; a PNG with fewer has no photographs


def convert(png: Path) -> Path:
    """Encode a PNG as WebP beside it, as `encode` does."""
    with Image.open(png) as opened:
        image = opened.convert("RGBA")  # WebP leaves an opaque alpha out
    page = png.with_suffix(".webp")
    page.write_bytes(encode(image, png.stat().st_size))
    return page


def encode(image: Image.Image, png_bytes: int) -> bytes:
    """Encode an image as WebP, without loss unless that takes twice as much.

    The size of the PNG tells charts and photographs, which need only one of the two: encoding
    photographs without loss takes ten times as long.
    """
    if png_bytes < _CHART * image.width * image.height:
        return _encode(image, **_LOSSLESS)
    lossy = with_loss(image)
    if 2 * _LEAST * len(lossy) < png_bytes:
        return lossy
    lossless = _encode(image, **_LOSSLESS)
    return lossy if 2 * len(lossy) < len(lossless) else lossless


def with_loss(image: Image.Image) -> bytes:
    """Encode photographs as WebP."""
    return _encode(image, **_LOSSY)


def _encode(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", **options)
    return buffer.getvalue()
