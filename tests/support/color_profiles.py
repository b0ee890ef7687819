"""ICC profiles made of a gamma curve and the primaries of Adobe RGB or sRGB."""

import struct

import numpy as np
from numpy.typing import NDArray

GAMMA = 563 / 256  # of Adobe RGB
# XYZ of red, green and blue, adapted to D50, one per row (Adobe RGB (1998), IEC 61966-2-1)
ADOBE_RGB = np.array(
    [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]]
)
SRGB = np.array(
    [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]
)


def profile(primaries: NDArray[np.float64] | None = ADOBE_RGB, gamma: float = GAMMA) -> bytes:
    """Return an ICC profile of version 2; of gray if there are no primaries."""
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    tags = {b"kTRC": curve} if primaries is None else {}
    for name, color in zip("rgb", primaries if primaries is not None else (), strict=False):
        tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + _fixed(color)
        tags[f"{name}TRC".encode()] = curve
    tags[b"wtpt"] = b"XYZ " + bytes(4) + _fixed(_D50)
    place = 132 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(content), len(data))
        content += data
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I4xI", place + len(content), 0x02400000) + b"mntr" + space + b"XYZ "
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(_D50)
    return head.ljust(128, b"\0") + table + content


def to_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert Adobe RGB pixels, shape (..., 3), by the formulas of both color spaces."""
    linear = (pixels / 255) ** GAMMA @ ADOBE_RGB @ np.linalg.inv(SRGB)
    return 255 * encode(np.clip(linear, 0, 1))


def encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the curve of sRGB (IEC 61966-2-1) to light in [0, 1]."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


_D50 = np.array([0.9642, 1.0, 0.8249])


def _fixed(values: NDArray[np.float64]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)
