import numpy as np
import pytest

from made_runs import ANY_FILE
from sightline.data.validation import drift
from sightline.data.validation.profile import Profiler
from sightline.records import DatasetFiles, Inspection, ProfileChange


def noise(count, seed, brightest=200):
    """Images of all brightnesses."""
    generator = np.random.default_rng(seed)
    return (
        generator.integers(0, brightest, (count, 1, 1, 1))
        + generator.integers(0, 56, (count, 8, 8, 1))
    ).astype(np.uint8)


def data_set(images, side=8, **per_class):
    profiler = Profiler()
    profiler.add(images)
    profiles = {"train": profiler.profile(tuple(per_class.values()))}
    return DatasetFiles(
        dataset="d",
        source="s",
        class_names=tuple(per_class),
        image_shape=(side, side, 1),
        images={},
        labels=ANY_FILE,
        counts={"train": profiles["train"].per_class},
        inspection=Inspection(profiles=profiles, affected={}, findings=ANY_FILE),
    )


def test_stability_index_is_that_of_its_formula_and_finite_where_a_bin_is_empty():
    before, now = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])
    expected = np.sum((now - before) * np.log(now / before))
    found = drift.stability_index(before.tolist(), now.tolist(), 10**8, 10**8)
    assert found == pytest.approx(expected, rel=1e-4)
    assert drift.stability_index([0.5, 0.5], [0.5, 0.5], 10, 10) == 0
    assert 0.5 < drift.stability_index([1.0, 0.0], [0.5, 0.5], 10_000, 10_000) < 10


@pytest.mark.parametrize("count", [20, 200, 5000])
def test_two_samples_of_the_same_kind_have_hardly_any_drift(count):
    found = [
        drift.largest_drift(*(data_set(noise(count, seed + n), a=count, b=0) for n in (0, 1)))[0]
        for seed in range(0, 40, 2)
    ]
    assert np.mean(np.array(found) > 0.1) <= 0.1


def test_darker_images_are_detected_and_named():
    before = data_set(noise(500, 0), a=250, b=250)
    now = data_set(noise(500, 1, brightest=60), a=250, b=250)
    index, subject = drift.largest_drift(before, now)
    assert index > 0.25
    assert subject in {f"the {what} of the train images" for what in ("pixels", "brightness")}
    figures = [change.figure for change in drift.list_changes(before, now)]
    assert figures == ["pixel mean", "pixel standard deviation"]


def test_classes_are_compared_by_name_whatever_their_order():
    images = noise(300, 0)
    before = data_set(images, cat=100, dog=200)
    assert drift.largest_drift(before, data_set(images, dog=200, cat=100))[0] == 0
    now = data_set(images, cat=200, dog=50, elk=50)
    index, subject = drift.largest_drift(before, now)
    assert (subject, index > 0.25) == ("the classes of the train images", True)
    assert drift.list_changes(before, now) == (
        ProfileChange(split="all", figure="classes", before=2, now=3),
        ProfileChange(split="train", figure="share of class dog", before=0.666667, now=0.166667),
        ProfileChange(split="train", figure="share of class cat", before=0.333333, now=0.666667),
        ProfileChange(split="train", figure="share of class elk", before=0, now=0.166667),
    )


def test_changes_of_shape_and_number_of_images_are_listed():
    before = data_set(noise(300, 0), a=300, b=0)
    now = data_set(noise(400, 0), side=9, a=400, b=0)
    assert drift.list_changes(before, now)[:3] == (
        ProfileChange(split="all", figure="height", before=8, now=9),
        ProfileChange(split="all", figure="width", before=8, now=9),
        ProfileChange(split="train", figure="images", before=300, now=400),
    )


@pytest.mark.parametrize(
    ("figure", "before", "now", "words"),
    [
        ("images", 60_000, 1_234_567, ("60,000", "1,234,567")),
        ("pixel mean", 33.318421, 34.0, ("33.32", "34")),
        ("share of class <b>", 0.1, 0.123456, ("10.00%", "12.35%")),
    ],
)
def test_changes_are_formatted(figure, before, now, words):
    change = ProfileChange(split="train", figure=figure, before=before, now=now)
    assert drift.format_change(change) == words
