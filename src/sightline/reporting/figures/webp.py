"""A figure for the page, as WebP: a chart takes a third of its PNG, photographs a tenth."""

from pathlib import Path

from PIL import Image

_CHART_COLORS = 1 << 14  # Photographs have more
_QUALITY = 80  # Of photographs, from 0 to 100
_EFFORT = 30  # For charts, from 0 to 100; more takes longer and saves little
_METHOD = 2  # From 0 (fast) to 6 (small)


def write_webp(png: Path) -> Path:
    """Write a PNG once more beside it; without loss if it has few colors. Return the path."""
    with Image.open(png) as opened:
        image = opened.convert("RGB")
    path = png.with_suffix(".webp")
    lossless = image.getcolors(_CHART_COLORS) is not None
    quality = _EFFORT if lossless else _QUALITY
    image.save(path, format="WEBP", lossless=lossless, quality=quality, method=_METHOD)
    return path
