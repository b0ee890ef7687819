import numpy as np
import pytest

from sightline.data import split_arrays
from sightline.data.scaling import to_float
from sightline.evaluation import reference


def test_pixels_are_averaged_over_cells_of_nearly_equal_size():
    images = np.random.default_rng(0).integers(0, 256, (5, 17, 8, 3), dtype=np.uint8)
    found = reference.small_pixels(images[[4, 1]]).reshape(2, 8, 8, 3)
    rows = np.linspace(0, 17, 9).astype(int)
    for cell in range(8):
        expected = images[[4, 1], rows[cell] : rows[cell + 1]].mean(axis=1)
        np.testing.assert_allclose(found[:, cell], expected, rtol=1e-6)


def test_reading_in_blocks_or_scaled_images_changes_nothing(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (7, 12, 9, 1), dtype=np.uint8)
    at_once = reference.small_pixels(images)
    np.testing.assert_array_equal(reference.small_pixels(to_float(images)), at_once)
    monkeypatch.setattr(split_arrays, "BLOCK_BYTES", 2 * 12 * 9)
    np.testing.assert_array_equal(reference.small_pixels(images), at_once)


def test_classes_that_a_line_separates_are_all_recognized_and_chance_is_not_beaten():
    drawn = np.random.default_rng(0)
    labels = np.arange(300, dtype=np.int16) % 3
    noise = drawn.normal(size=(300, 8)).astype(np.float32)
    signal = np.concatenate([noise, np.eye(3, dtype=np.float32)[labels]], axis=1)
    separable = reference.compare(signal, labels, signal[::-1], labels[::-1])
    assert (separable.accuracy, separable.balanced_accuracy) == (1, 1)
    assert separable.training_images == 300
    guessed = reference.compare(noise[:200], labels[:200], noise[200:], labels[200:])
    assert guessed.accuracy == pytest.approx(1 / 3, abs=0.15)


def test_balanced_accuracy_counts_only_classes_with_test_images():
    features = np.array([[-1.0], [1.0]] * 20, dtype=np.float32)
    labels = np.array([0, 1] * 20, dtype=np.int16)
    # Three images of class 2 look like class 0; class 1 is not tested.
    found = reference.compare(features, labels, features[[0, 0, 0, 0]], np.array([0, 2, 2, 2]))
    assert (found.accuracy, found.balanced_accuracy) == (0.25, 0.5)
