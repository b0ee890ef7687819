"""Estimate the disk and the time that a run takes, before it starts."""

import math
from typing import NamedTuple

from sightline.config import BackboneConfig, CnnConfig, RunConfig
from sightline.records import DatasetFacts

START_SECONDS = 15.0  # Keras, Prefect and the report
_MAC_RATE = 3e10  # Multiplications of a training step for each image, per second
_IN_DEPTH_SECONDS = 20.0  # Robustness, saliency and label errors at 224x224 pixels, at most
_EMBEDDING_RATE = 180.0  # Views at 224x224 pixels, per second
_FLOAT_BYTES = 4


class _Cut(NamedTuple):
    """The features of EfficientNet-Lite0 after a layer, for images of 224x224 pixels."""

    size: int  # In bytes
    rate: float  # Images per second that the layers behind it are trained with


_CUTS = {"group_5": _Cut(14 * 14 * 112 * 2, 114.0), "group_6": _Cut(7 * 7 * 192 * 2, 340.0)}
_HEAD = _Cut(1280 * 2, 5000.0)
_PIXELS = 224 * 224


class Estimate(NamedTuple):
    """What a run takes on two idle CPU cores; the rates are those of docs/photographs.md."""

    ingest_bytes: int
    ingest_seconds: float  # 0 if ingest is cached
    training_bytes: int  # Arrays and features; models and reports have a few MiB
    training_seconds: float | None  # All stages after ingest; None if the network's rate is unknown


def estimate(
    facts: DatasetFacts, ingest_seconds: float, config: RunConfig, runs: int = 1
) -> Estimate:
    """Estimate what so many runs with this config take; `ingest_seconds` are those of ingest."""
    training_bytes, seconds = 0, None
    images = {name: sum(counts) for name, counts in facts.counts.items()}
    total, train = sum(images.values()), images["train"]
    if "validation" not in images:
        train -= round(config.preprocessing.validation_fraction * train)
    if config.preprocessing.store == "float32":
        training_bytes = _FLOAT_BYTES * total * math.prod(facts.image_shape)
    if isinstance(config.model, CnnConfig):
        rate = _MAC_RATE / _multiplications(facts.image_shape, config.model)
        seconds = _steps(train, config) / rate
    elif isinstance(config.model, BackboneConfig) and (cut := _cut(config.model)):
        scale = math.prod(facts.image_shape[:2]) / _PIXELS
        views = train * config.embedding.views + total - train
        stored = views + images["test"]  # those of test images have twice the bytes
        training_bytes = round(stored * cut.size * scale)
        trained = _steps(train, config) / cut.rate
        seconds = scale * (views / _EMBEDDING_RATE + trained + _IN_DEPTH_SECONDS)
    if seconds is not None:
        seconds = runs * seconds + START_SECONDS
    return Estimate(facts.stored_bytes, ingest_seconds, training_bytes, seconds)


def _steps(images: int, config: RunConfig) -> int:
    """Count the images that all epochs train on."""
    training = config.training
    return training.epochs * (training.examples_per_epoch or images)


def _cut(model: BackboneConfig) -> _Cut | None:
    if model.backbone != "efficientnet-lite0" or model.finetune == "full":
        return None
    return _HEAD if model.finetune == "head" else _CUTS.get(model.cut or "")


def _multiplications(shape: tuple[int, int, int], model: CnnConfig) -> int:
    """Count the multiplications of the convolutions for one image."""
    height, width, channels = shape
    total = 0
    for convolution in model.convolutions:
        height, width = -(-height // convolution.stride), -(-width // convolution.stride)
        total += height * width * 9 * channels * convolution.filters
        channels = convolution.filters
    return total
