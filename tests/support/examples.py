"""Small synthetic data sets that a network learns in seconds."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = 4


def pictures(
    count: int, seed: int, shape: tuple[int, int, int] = (12, 12, 1)
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return noisy textures of four classes: rows, columns, checks, none."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = generator.integers(0, 60, (count, *shape), dtype=np.uint8)
    row, column = np.indices(shape[:2])
    textures = np.stack([row % 2, column % 2, (row + column) % 2, 0 * row]).astype(np.uint8)
    return images + 180 * textures[labels][..., np.newaxis], labels


def clothes(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return grey silhouettes of ten garments with stripes and noise, 28x28."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = np.stack([_garment(label, generator) for label in labels])
    return images[..., np.newaxis], labels


def _garment(kind: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    size, shift = generator.uniform(0.8, 1.05, 2), generator.uniform(-0.06, 0.06, 2)
    row, column = (np.linspace(-1, 1, 28) / size[:, np.newaxis]) + shift[:, np.newaxis]
    y, x = row[:, np.newaxis], np.abs(column)[np.newaxis]
    body, right = x < 0.55, np.broadcast_to(column > 0, (28, 28))
    silhouette = (
        body | (y < -0.4),  # T-shirt
        ((x > 0.08) | (y < -0.6)) & (x < 0.45),  # trousers
        body | (x > 0.68),  # pullover
        x < 0.25 + 0.3 * (y + 1) / 2,  # dress
        (x > 0.06) & (x < 0.75),  # coat
        (y > 0.2) & (np.sin(12 * y) > 0),  # sandal
        body | ((y < 0.2) & (x < 0.9)),  # shirt
        (y > 0.1) & (right | (y > 0.5)),  # sneaker
        (y > -0.2) | ((x > 0.35) & (x < 0.5)),  # bag
        ~right | (y > 0.4),  # boot
    )[kind]
    stripes = 0.8 + 0.2 * np.sin(generator.uniform(2, 20) * y + generator.uniform(2, 20) * x)
    cloth = stripes * generator.uniform(0.4, 1) * generator.uniform(0.85, 1, (28, 28))
    inside = (np.abs(y) < 1) & (x < 1)
    return np.where(silhouette & inside, 255 * cloth, 0).astype(np.uint8)


def write_folders(path: Path, train: int, test: int, shape: tuple[int, int, int]) -> Path:
    """Write textures as PNG files, one folder per class, below train/ and test/."""
    for split, count, seed in (("train", train, 1), ("test", test, 2)):
        for number, (image, label) in enumerate(zip(*pictures(count, seed, shape), strict=True)):
            folder = path / split / f"texture {label}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
    return path


def write_npz(
    path: Path, train: int = 160, test: int = 40, shape: tuple[int, int, int] = (12, 12, 1)
) -> Path:
    """Write textures as x_train, y_train, x_test and y_test."""
    x_train, y_train = pictures(train, 1, shape)
    x_test, y_test = pictures(test, 2, shape)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path
