"""A data set of image files that grows, and what a tiny network needs to be promoted on it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from examples import pictures

Pictures = tuple[NDArray[np.uint8], NDArray[np.int64]]

OVERRIDES = (
    "training.learning_rate=0.01",
    "model.convolutions=[{filters=8}, {filters=8}]",
    "model.dense_units=8",
    "evaluation.robustness_images=0",
    "evaluation.saliency_images=0",
    'export.formats=["keras"]',
    "promotion.recall_margin=0.2",  # 30 test images a class
    "promotion.latency_factor=100",  # the machine may be busy
)


def write(
    folder: Path,
    images: NDArray[np.uint8],
    labels: Sequence[int] | NDArray[np.int64] | None = None,
    name: str = "light",
) -> list[Path]:
    """Write images as files, in a folder for each class if there are labels."""
    found = []
    for number, image in enumerate(images):
        place = folder if labels is None else folder / f"texture {labels[number]}"
        place.mkdir(parents=True, exist_ok=True)
        found.append(place / f"{name}{number:03}.png")
        Image.fromarray(image[..., 0]).save(found[-1])
    return found


def dark(count: int, seed: int) -> Pictures:
    """Return textures with a quarter of the light."""
    images, labels = pictures(count, seed)
    return images // 4, labels


def negative(count: int, seed: int) -> Pictures:
    """Return textures as on a negative."""
    images, labels = pictures(count, seed)
    return 255 - images, labels
