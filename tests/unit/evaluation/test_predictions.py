from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, top_k_accuracy_score

from sightline.evaluation import predictions, predictions_table
from sightline.evaluation.calibration import apply_temperature
from sightline.evaluation.predictions import Floats, predict_split, read

IMAGES, CLASSES = 50, 6


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, CLASSES, IMAGES).astype(np.int16)


def probabilities(images: np.ndarray) -> Floats:
    """Stand in for a model: what it says depends on the image's first pixel alone."""
    numbers = images.reshape(len(images), -1)[:, :1] * np.arange(1, CLASSES + 1)
    logits = np.sin(37 * numbers)
    return (np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(2).random((IMAGES, 2, 2, 1), dtype=np.float32)


def test_predictions_agree_with_scikit_learn(
    images: np.ndarray, labels: np.ndarray, tmp_path: Path
) -> None:
    found = predict_split(probabilities, images, labels, CLASSES, tmp_path / "p.parquet")
    said = probabilities(images)
    assert found.losses.mean() == pytest.approx(
        log_loss(labels, said, labels=range(CLASSES)), rel=1e-5
    )
    for k in (1, 2, 3, 5):
        expected = top_k_accuracy_score(labels, said, k=k, labels=range(CLASSES))
        assert (found.rank < k).mean() == expected
    assert (found.predicted == said.argmax(axis=1)).all()
    assert (found.probability == said.max(axis=1)).all()


def test_of_equal_probabilities_the_first_counts(tmp_path: Path) -> None:
    def even(images: np.ndarray) -> Floats:
        return np.full((len(images), 4), 0.25, dtype=np.float32)

    labels = np.arange(4, dtype=np.int16)
    images = np.zeros((4, 2, 2, 1), np.float32)
    found = predict_split(even, images, labels, 4, tmp_path / "p.parquet")
    assert found.rank.tolist() == [0, 1, 2, 3]
    assert found.predicted.tolist() == [0, 0, 0, 0]


def test_blocks_change_nothing(
    images: np.ndarray, labels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.parquet"
    whole = predict_split(probabilities, images, labels, CLASSES, path)
    cooled = read(path, CLASSES, 2.0)
    monkeypatch.setattr(predictions, "BLOCK_BYTES", 7 * images[0].nbytes)
    monkeypatch.setattr(predictions_table, "_BLOCK_VALUES", 7 * CLASSES)
    parts = predict_split(probabilities, images, labels, CLASSES, path)
    assert (parts.rank == whole.rank).all()
    assert (parts.losses == whole.losses).all()
    assert read(path, CLASSES, 2.0).losses.mean() == pytest.approx(cooled.losses.mean())


def test_tempered_predictions_are_those_of_the_tempered_probabilities(
    images: np.ndarray, labels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "p.parquet"
    plain = predict_split(probabilities, images, labels, CLASSES, path)
    found = read(path, CLASSES, 3.0)
    expected = apply_temperature(probabilities(images), 3.0)
    assert found.probability == pytest.approx(expected.max(axis=1), rel=1e-5)
    assert found.losses.mean() == pytest.approx(
        log_loss(labels, expected, labels=range(CLASSES)), rel=1e-5
    )
    assert (found.rank == plain.rank).all(), "a temperature changes no order"
