"""Random crops of an image: a function of the image, a number and a seed."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.config import EmbeddingConfig
from sightline.data.decoding.parallel import ordered_map
from sightline.data.split_arrays import StoredImages, blocks

Pixels = NDArray[np.uint8]

MOST_STRETCHED = 4 / 3  # Largest ratio of the sides of a crop, relative to those of the image


def as_pixels(images: NDArray[Any]) -> Pixels:
    """Return images as uint8; preprocessing may have scaled them to [0, 1]."""
    return images if images.dtype == np.uint8 else np.rint(images * 255).astype(np.uint8)


def digests(images: StoredImages) -> Iterator[NDArray[np.uint8]]:
    """Yield the SHA-256 of the pixels of each image, in blocks of shape (m, 32)."""

    def block(rows: slice) -> NDArray[np.uint8]:
        found = [digest_of(image) for image in as_pixels(images[rows])]
        return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 32)

    return ordered_map(block, blocks(images), batch_size=1)


def digest_of(image: Pixels) -> bytes:
    """Return the SHA-256 of the pixels of an image."""
    return hashlib.sha256(np.ascontiguousarray(image).data).digest()


def view(image: Pixels, number: int, settings: EmbeddingConfig) -> Pixels:
    """Return a view of a uint8 RGB image (height, width, 3), of the same shape.

    View 0 is the image itself; the others are random crops, resized. They depend on the pixels
    and not on the position of the image, so a data set that grows keeps the views of its images.
    """
    if number == 0:
        return image
    rng = np.random.default_rng([settings.seed, number, *digest_of(image)])
    height, width = image.shape[:2]
    area = rng.uniform(settings.smallest_crop, 1)
    stretch = math.exp(rng.uniform(-1, 1) * math.log(MOST_STRETCHED) / 2)
    rows, columns = (
        side * min(1.0, math.sqrt(area) * factor)
        for side, factor in ((height, stretch), (width, 1 / stretch))
    )
    top, left = rng.uniform(0, height - rows), rng.uniform(0, width - columns)
    crop = Image.fromarray(image).resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, left + columns, top + rows)
    )
    flipped = settings.flip and rng.random() < 0.5  # noqa: PLR2004 - half of them
    return np.asarray(crop)[:, ::-1] if flipped else np.asarray(crop)
