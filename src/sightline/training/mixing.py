"""Mixup and CutMix: images and labels that are mixed with those before them in the batch.

Runs in the Keras process. What is mixed is drawn with the order of the batches, as a function of
(seed, epoch, step), since Keras' MixUp and CutMix would need the labels in the model. A patch is a
float32 row (top, bottom, left, right, share): within this rectangle, the other image has this
share. The network sees images that were augmented first, so that no crop changes the area.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sightline.config import Augmentation

Floats = NDArray[np.float32]

COLUMNS = 5  # Of a patch


def draw_patches(
    settings: Augmentation, count: int, size: tuple[int, int], rng: np.random.Generator
) -> Floats:
    """Draw a patch (count, 5) for each image of a height and width.

    Mixup blends whole images (Zhang et al., 2018); CutMix pastes a rectangle that lies within the
    image (Yun et al., 2019).
    """
    kinds = bool(settings.mixup) + bool(settings.cutmix)
    pasted = rng.random(count) < bool(settings.cutmix) / kinds
    share, area = (
        rng.beta(alpha, alpha, count) if alpha else np.zeros(count)
        for alpha in (settings.mixup, settings.cutmix)
    )
    whole = np.broadcast_to(np.array(size)[:, np.newaxis], (2, count))
    sides = np.where(pasted, np.rint(np.sqrt(area) * whole), whole)
    first = np.floor(rng.random((2, count)) * (whole - sides + 1))
    (top, left), (bottom, right) = first, first + sides
    share = np.where(pasted, 1, share)
    return np.stack([top, bottom, left, right, share], axis=1, dtype=np.float32)


def mix_labels(labels: Floats, patches: Floats, size: tuple[int, int]) -> Floats:
    """Mix one-hot labels (n, classes) by the share of the other image in all pixels."""
    top, bottom, left, right, share = patches.T
    part = share * (bottom - top) * (right - left) / (size[0] * size[1])
    mixed: Floats = labels + part[:, np.newaxis] * (np.roll(labels, 1, axis=0) - labels)
    return mixed


class Mix(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Mixes each image (n, height, width, channels) with the one before it, by patches (n, 5)."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return images of the same shape, float32."""
        images, patches = inputs
        if not training:
            return images
        height, width = images.shape[1:3]
        top, bottom, left, right, share = ops.split(patches[:, None, None], COLUMNS, axis=-1)
        row, column = np.indices((1, height, width, 1), np.float32)[1:3]
        inside = (top <= row) & (row < bottom) & (left <= column) & (column < right)
        share = ops.where(inside, share, 0.0)
        return images + share * (ops.roll(images, 1, axis=0) - images)
