"""Augmentation: random changes of the training images, each in a layer in front of the model.

Runs in the Keras process, only in training; exported models do not contain it. Keras' own layers
draw one number for each image from a seed generator that the model holds, so checkpoints find it.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from sightline.config import Augmentation
from sightline.errors import ConfigError
from sightline.training.warp import Warp

_RANGE = (0, 1)  # Black and white
_ERASED = (0.02, 0.33)  # Area of an erased rectangle, as in Zhong et al. (2017)
_OPERATIONS = 2  # Of RandAugment, for each image


def augmentation(settings: Augmentation, seed: int, channels: int) -> keras.layers.Layer | None:
    """Build the layer for float32 images (n, height, width, channels) in [0, 1]; None for none.

    Mixing images with each other is not part of it (`mixing.Mix`). Raises ConfigError if gray
    images shall change their color.
    """
    if channels == 1 and (settings.saturation or settings.hue):
        raise ConfigError(
            "training.augmentation.saturation and hue change the color of images, but these are "
            "gray; set both to 0, or data.channels=3."
        )
    found = list(_layers(settings, seed, channels))
    if len(found) < 2:  # noqa: PLR2004 - nothing to join
        return found[0] if found else None
    return keras.Sequential(found, name="augmentation")


def _layers(settings: Augmentation, seed: int, channels: int) -> Iterator[keras.layers.Layer]:
    """Build the layers in their order, each with a seed of its own."""
    geometry = {"rotation", "translation", "zoom", "shear", "elastic", "crop"}
    if settings.model_dump(include=geometry, exclude_defaults=True):
        yield Warp(settings, seed)
    if settings.padding:
        yield PaddedCrop(settings.padding, seed + 1)
    if settings.flip in ("horizontal", "both"):
        yield layers.RandomFlip("horizontal", seed=seed + 2)
    if settings.flip in ("vertical", "both"):  # Keras' mode for both turns by 180 degrees
        yield layers.RandomFlip("vertical", seed=seed + 3)
    if settings.brightness or settings.contrast or settings.saturation or settings.hue:
        yield _color_jitter(settings, seed + 4)
    if settings.rand_augment:
        yield RandAugment(_operations(settings.rand_augment, seed + 6, channels), seed + 5)
    if settings.erasing:
        probability = (settings.erasing, settings.erasing)
        yield layers.RandomErasing(probability, _ERASED, 0.5, _RANGE, seed=seed + 14)


def _color_jitter(settings: Augmentation, seed: int) -> keras.layers.Layer:
    # Keras multiplies the contrast by 1 - low to 1 + high, and the saturation by f / (1 - f)
    factors = (1 - settings.saturation, 1 + settings.saturation)
    saturation = tuple(factor / (1 + factor) for factor in factors)
    return layers.RandomColorJitter(
        _RANGE,
        brightness_factor=settings.brightness or None,
        contrast_factor=(settings.contrast,) * 2 if settings.contrast else None,
        saturation_factor=saturation if settings.saturation else None,
        hue_factor=2 * settings.hue or None,
        seed=seed,
    )


def _operations(magnitude: float, seed: int, channels: int) -> list[keras.layers.Layer]:
    """Build the operations of RandAugment for a magnitude from 0 to 1."""
    change, half = 0.9 * magnitude, 0.45 * magnitude
    found = [
        Warp(Augmentation(rotation=magnitude / 12), seed, name="rotation"),
        Warp(Augmentation(shear=0.3 * magnitude), seed + 1, name="shear"),
        Warp(Augmentation(translation=0.3 * magnitude), seed + 2, name="translation"),
        layers.RandomBrightness(0.5 * magnitude, _RANGE, seed=seed + 3),
        layers.RandomContrast((change, change), _RANGE, seed=seed + 4),
        layers.RandomSharpness((0.5 - half, 0.5 + half), _RANGE, seed=seed + 5),
        layers.RandomPosterization(8 - round(4 * magnitude), _RANGE, seed=seed + 6),
        layers.AutoContrast(_RANGE),
    ]
    color = layers.RandomColorDegeneration(change, _RANGE, seed=seed + 7)
    return found if channels == 1 else [*found, color]


class PaddedCrop(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Shifts each image by whole pixels and fills the rest with its reflection.

    Keras' RandomCrop draws one place for a whole batch.
    """

    def __init__(self, padding: int, seed: int, **options: Any) -> None:
        """Create the layer for shifts of at most `padding` pixels in each direction."""
        super().__init__(**{"dtype": "float32", **options})
        self._padding = padding
        self._seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return images of the same shape, float32 (batch, height, width, channels)."""
        if not training:
            return images
        height, width, channels = images.shape[1:]
        count = ops.shape(images)[0]
        image = ops.reshape(ops.arange(count), (-1, 1, 1))
        row = ops.expand_dims(self._places(count, height), 2)
        column = ops.expand_dims(self._places(count, width), 1)
        pixels = ops.reshape(images, (-1, channels))
        return ops.take(pixels, (image * height + row) * width + column, axis=0)

    def _places(self, count: Any, length: int) -> Any:
        """Return the row or column that each one is taken from, (count, length)."""
        shift = keras.random.randint(
            (count, 1), -self._padding, self._padding + 1, seed=self._seed_generator
        )
        period = 2 * (length - 1)
        place = ops.mod(shift + ops.arange(length), period)
        return ops.minimum(place, period - place)


class RandAugment(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Applies two operations to each image, drawn at random, in a fixed order.

    After Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
    space" (2020), without equalizing, inverting and solarizing. Keras' layer of this name draws the
    operations once for a whole batch, equalizes its histogram and not that of each image, and turns
    by a full circle at the largest magnitude.
    """

    def __init__(self, operations: list[keras.layers.Layer], seed: int, **options: Any) -> None:
        """Create the layer; each operation maps images to images of the same shape."""
        super().__init__(**{"dtype": "float32", **options})
        self._operations = operations
        self._seed_generator = keras.random.SeedGenerator(seed)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Build the operations."""
        for operation in self._operations:
            operation.build(shape)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return images of the same shape, float32 (batch, height, width, channels)."""
        if not training:
            return images
        shape = (ops.shape(images)[0], len(self._operations), 1, 1, 1)
        drawn = keras.random.uniform(shape, seed=self._seed_generator)
        chosen = drawn < ops.sort(drawn, axis=1)[:, _OPERATIONS : _OPERATIONS + 1]
        for number, operation in enumerate(self._operations):
            changed = operation(images, training=True)
            images = ops.where(chosen[:, number], changed, images)
        return images
