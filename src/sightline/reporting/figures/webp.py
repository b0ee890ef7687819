"""A figure for the page, as WebP: a chart takes a third of its PNG, photographs a tenth."""

import io
from pathlib import Path

from PIL import Image

_LOSSLESS = {"lossless": True, "quality": 30}  # More effort takes longer and saves little
_LOSSY = {"lossless": False, "quality": 80}
_METHOD = 2  # From 0 (fast) to 6 (small)


def encode(png: Path | io.BytesIO) -> bytes:
    """Encode a PNG as WebP, without loss unless that takes twice as much."""
    with Image.open(png) as opened:
        image = opened.convert("RGBA")  # WebP leaves an opaque alpha out
    encoded = []
    for options in (_LOSSLESS, _LOSSY):
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", method=_METHOD, **options)
        encoded.append(buffer.getvalue())
    lossless, lossy = encoded
    return lossy if 2 * len(lossy) < len(lossless) else lossless
