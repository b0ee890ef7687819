"""Estimates before long work: bytes are exact, seconds follow the rates of docs/benchmarks.md."""

import pytest

from sightline.config import loading
from sightline.data import fact_lines
from sightline.data.estimate import START_SECONDS, Estimate, estimate
from sightline.records import DatasetFacts

PHOTOS = DatasetFacts(
    dataset="photos",
    source="/photos",
    class_names=("a", "b"),
    image_shape=(224, 224, 3),
    stored_bytes=400 * 224 * 224 * 3,
    counts={"train": (150, 150), "test": (50, 50)},
)
DIGITS = PHOTOS.model_copy(update={"image_shape": (28, 28, 1), "stored_bytes": 400 * 784})


def photos(*overrides):
    return estimate(PHOTOS, 0.0, loading.load("photos", overrides=overrides))


@pytest.mark.parametrize(
    ("cut", "values", "rate"), [("group_5", 14 * 14 * 112, 114), ("group_6", 7 * 7 * 192, 340)]
)
def test_photographs_take_their_pixels_and_the_features_of_each_view(cut, values, rate):
    found = photos(f"model.cut={cut}", "embedding.views=2", "training.epochs=5")
    views = 2 * 300 + 100
    assert found.ingest_bytes == 400 * 224 * 224 * 3
    assert found.training_bytes == views * values * 2 + 100 * values * 2, "test images: float32"
    assert found.training_seconds == pytest.approx(
        START_SECONDS + views / 180 + 5 * 300 / rate + 20
    )


def test_time_grows_with_epochs_pixels_and_runs():
    once = photos("training.epochs=5").training_seconds
    assert photos("training.epochs=10").training_seconds == pytest.approx(once + 5 * 300 / 114)
    config = loading.load("photos")
    small = PHOTOS.model_copy(update={"image_shape": (112, 112, 3)})
    assert estimate(small, 0.0, config).training_seconds == pytest.approx(
        START_SECONDS + (once - START_SECONDS) / 4
    )
    assert estimate(PHOTOS, 0.0, config, runs=3).training_seconds == pytest.approx(
        START_SECONDS + 3 * (once - START_SECONDS)
    )


def test_convolutions_take_time_by_their_multiplications():
    layers = "model.convolutions=[{filters=8},{filters=16,stride=2}]"
    config = loading.load("tutorial", overrides=[layers, "training.epochs=2"])
    multiplications = 28 * 28 * 9 * 1 * 8 + 14 * 14 * 9 * 8 * 16
    found = estimate(DIGITS, 1.5, config)
    assert found.training_seconds == pytest.approx(START_SECONDS + 600 * multiplications / 3e10)
    assert found.ingest_seconds == 1.5
    assert found.training_bytes == 400 * 784 * 4  # float32
    fast = estimate(DIGITS, 1.5, loading.load("fast"))
    assert fast.training_bytes == 0
    assert fast.training_seconds > START_SECONDS + 21_600 * 28 * 28 * 9 * 32 / 3e10


def test_images_held_out_for_validation_take_one_view_and_no_training():
    found = photos(
        "embedding.views=2", "training.epochs=5", "preprocessing.validation_fraction=0.1"
    )
    views = 2 * 270 + 30 + 100
    assert found.training_seconds == pytest.approx(START_SECONDS + views / 180 + 5 * 270 / 114 + 20)


@pytest.mark.parametrize(
    "overrides", [["model.backbone=resnet50v2"], ["model.finetune=full"], ["model.cut=group_3"]]
)
def test_no_time_is_stated_for_networks_that_were_not_measured(overrides):
    found = photos(*overrides)
    assert found.training_seconds is None
    assert "unknown" in fact_lines.describe_estimate(found)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Estimate(3 << 30, 90.0, 1 << 29, 20.0), ["3.5 GiB", "2 minutes for ingest", "20 seconds"]),
        (Estimate(1536, 0.0, 0, 3 * 3600.0), ["1.5 KiB", "ingest is cached", "3 hours"]),
        (Estimate(100, 1.0, 0, None), ["100 bytes", "a few seconds for ingest"]),
    ],
)
def test_estimate_is_written_in_fitting_units(given, shown):
    text = fact_lines.describe_estimate(given)
    assert [part for part in shown if part not in text] == []
