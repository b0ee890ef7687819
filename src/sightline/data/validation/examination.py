"""Examine images one by one: what is known of each before it is compared with others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import DIGEST, digests_of
from sightline.data.validation.near_duplicates import SPECTRUM, fingerprints
from sightline.data.validation.profile import Sums, pixel_sums

_PART_BYTES = 1 << 20  # Of a block, at once: a cache of the processor holds it
_BLACK, _WHITE = 5, 250
"""Values up to and from which a pixel counts as black and white; JPEG rarely hits 0 and 255."""

_SATURATED_SHARE = 0.99
_MAX_PIXEL = 255

EXAMINED = np.dtype(
    [
        ("pixels", DIGEST),  # SHA-256 of the pixels
        ("sum", np.int64),  # Sum of the pixels
        ("hash", np.uint64),  # Fingerprint, see `near_duplicates.Fingerprints`
        ("spectrum", np.int8, (SPECTRUM,)),
        ("blank", np.bool_),
        ("saturated", np.bool_),
    ]
)
"""What is known of an image."""

ROW = np.dtype(
    [
        ("content", DIGEST),  # SHA-256 of the encoded image
        ("histogram", np.uint32, (256,)),  # Pixels of each value
        *EXAMINED.descr,
    ]
)
"""What a shard keeps of an image, 1.1 kB: enough to merge shards without decoding again."""

Examined = NDArray[Any]
Mask = NDArray[np.bool_]


def examine(images: NDArray[np.uint8]) -> Examined:
    """Examine images, uint8 (m, height, width, channels); return an array of `EXAMINED` (m,)."""
    found = np.zeros(len(images), EXAMINED)
    count = max(1, min(len(images), images.nbytes // _PART_BYTES))
    for part, rows in zip(np.array_split(images, count), np.array_split(found, count), strict=True):
        rows["sum"] = pixel_sums(part)
        rows["pixels"] = digests_of(part)
        rows["hash"], rows["spectrum"] = fingerprints(part)
        rows["blank"] = is_blank(part, rows["sum"])
        rows["saturated"] = is_saturated(part, rows["sum"]) & ~rows["blank"]
    return found


def is_blank(images: NDArray[np.uint8], sums: Sums) -> Mask:
    """Return which images have a single pixel value: bool array of shape (n,).

    `sums` are their `pixel_sums`.
    """
    flat = images.reshape(len(images), -1)
    found: Mask = sums == flat[:, 0] * np.int64(flat.shape[1])
    found[found] = (flat[found] == flat[found, :1]).all(axis=1)
    return found


def is_saturated(images: NDArray[np.uint8], sums: Sums) -> Mask:
    """Return which images are at least 99 % black, or at least 99 % white: bool of shape (n,).

    `sums` are their `pixel_sums`.
    """
    flat = images.reshape(len(images), -1)
    means = sums / flat.shape[1]
    found = np.zeros(len(flat), dtype=np.bool_)
    # The mean rules out nearly all images; only the pixels of the others are counted.
    dark = np.flatnonzero(means <= _SATURATED_SHARE * _BLACK + (1 - _SATURATED_SHARE) * _MAX_PIXEL)
    light = np.flatnonzero(means >= _SATURATED_SHARE * _WHITE)
    found[dark] = (flat[dark] <= _BLACK).mean(axis=1) >= _SATURATED_SHARE
    found[light] = (flat[light] >= _WHITE).mean(axis=1) >= _SATURATED_SHARE
    return found
