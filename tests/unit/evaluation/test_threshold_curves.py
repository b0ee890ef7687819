from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from sightline.evaluation import threshold_curves
from sightline.evaluation.predictions import PREDICTIONS
from sightline.evaluation.predictions_table import Block, to_arrow
from sightline.pipeline.cache import Draft


def measure(folder, labels, probabilities):
    pq.write_table(to_arrow(Block(0, labels, probabilities)), folder / PREDICTIONS)
    names = tuple(f"class {number}" for number in range(probabilities.shape[1]))
    tested = SimpleNamespace(files=SimpleNamespace(class_names=names))
    found = threshold_curves.measure(SimpleNamespace(tested=tested, draft=Draft(folder, "made")))
    return found, found and np.load(folder / "threshold_curves.npy")


def made(classes, images=300):
    drawn = np.random.default_rng(0)
    labels = np.arange(images) % classes
    logits = drawn.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32)


def test_means_of_the_areas_are_those_of_scikit_learn(tmp_path):
    labels, probabilities = made(5)
    found, points = measure(tmp_path, labels, probabilities)
    expected = roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert found.roc_auc == pytest.approx(expected, abs=1e-6)
    one_hot = np.eye(5)[labels]
    assert found.class_average_precision == pytest.approx(
        average_precision_score(one_hot, probabilities, average=None)
    )
    assert found.average_precision == np.mean(found.class_average_precision)
    assert points.shape == (2, 1 + 5, 201) == found.points.shape


def test_area_is_the_share_of_pairs_in_the_right_order():
    positive, scores = np.array([1, 0, 1, 0, 0], bool), np.array([0.9, 0.8, 0.4, 0.4, 0.1], "f4")
    found = threshold_curves.trace("a", positive, scores)
    # Of the six pairs, the first positive wins three; the second wins one and ties one.
    assert found.roc_auc == pytest.approx((3 + 1 + 0.5) / 6)
    # One of one at recall 0.5, two of four at recall 1.
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert found.precision[[50, 100, 101, 200]].tolist() == [1, 1, 0.5, 0.5]
    # The first negative comes after one positive, the second together with the other positive.
    rates = np.interp([0, 1 / 3, 2 / 3, 1], threshold_curves.GRID, found.recall)
    assert rates == pytest.approx([0.5, 0.5, 1, 1], abs=0.01)


def test_areas_under_the_stored_curves_are_the_areas(tmp_path):
    found, points = measure(tmp_path, *made(3, images=3000))
    for areas, curves in zip(
        (found.class_roc_auc, found.class_average_precision), points, strict=True
    ):
        assert np.trapezoid(curves[1:], threshold_curves.GRID) == pytest.approx(areas, abs=0.01)
        np.testing.assert_allclose(curves[0], curves[1:].mean(axis=0), rtol=1e-5)


def test_class_without_test_images_is_left_out_of_the_means(tmp_path):
    labels, probabilities = made(4)
    labels[labels == 2] = 1
    found, points = measure(tmp_path, labels, probabilities)
    assert found.class_roc_auc[2] is found.class_average_precision[2] is None
    known = [area for area in found.class_roc_auc if area is not None]
    assert found.roc_auc == pytest.approx(np.mean(known))
    assert points.shape == (2, 1 + 3, 201)


def test_many_classes_keep_only_their_mean_and_a_single_class_has_no_curve(tmp_path):
    found, points = measure(tmp_path, *made(21))
    assert points.shape == (2, 1, 201)
    assert len(found.class_roc_auc) == 21
    assert measure(tmp_path, np.zeros(300, int), made(3)[1]) == (None, None)
