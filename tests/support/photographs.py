"""Image files of odd sizes, turned, gray, transparent and of 16 bits."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def write(folder: Path) -> list[Path]:
    """Write JPEG files: a large one, one that a camera turned, a gray one, one of equal width.

    And PNG files: one with transparency, one of 16 bits.
    """
    turned = Image.Exif()
    turned[0x0112] = 6
    options: dict[str, dict[str, Any]] = {"turned": {"exif": turned}}
    sizes = {"large": (1013, 677), "turned": (241, 163), "gray": (97, 131), "narrow": (95, 32)}
    for seed, (name, size) in enumerate(sizes.items()):
        coarse = np.random.default_rng(seed).integers(0, 256, (7, 5, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
        image = image.convert("L") if name == "gray" else image
        image.save(folder / f"{name}.jpg", quality=95, **options.get(name, {}))
    pixels = np.random.default_rng(9).integers(0, 256, (50, 60, 4), dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(folder / "transparent.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    return sorted(folder.iterdir())
