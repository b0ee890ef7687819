from pathlib import Path

import numpy as np
import pytest

from examples import pictures
from sightline.evaluation import predictions, robustness
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.pipeline.progress import Progress, listening
from sightline.storage import npy

IMAGES, LABELS = pictures(90, 0, (12, 16, 1))


def predict(images: np.ndarray) -> np.ndarray:
    """Tell the four textures by their rows and columns."""
    values = images[..., 0].astype(np.float32)
    rows = np.abs(np.diff(values.mean(axis=2), axis=1)).mean(axis=1)
    columns = np.abs(np.diff(values.mean(axis=1), axis=1)).mean(axis=1)
    checks = np.abs(np.diff(np.diff(values, axis=1), axis=2)).mean(axis=(1, 2)) / 4
    scores = np.stack([rows, columns, checks, np.full(len(images), 60)], axis=1)
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def accuracy(images: np.ndarray, labels: np.ndarray) -> float:
    return float((predict(images).argmax(axis=1) == labels).mean())


def test_accuracy_is_that_on_the_corrupted_images() -> None:
    labels = LABELS.astype(np.int16)
    found = robustness.accuracy_under_corruption(predict, IMAGES, labels, 1000)
    order = np.argsort(labels, kind="stable")
    assert found.images == 90
    assert found.accuracy == accuracy(IMAGES, labels) == 1
    assert [row.corruption for row in found.corruptions] == list(CORRUPTIONS)
    for row in found.corruptions:
        corrupted = [CORRUPTIONS[row.corruption](IMAGES[order], s, 0) for s in SEVERITIES]
        assert row.accuracies == tuple(accuracy(images, labels[order]) for images in corrupted)
    by_name = {row.corruption: row.accuracies for row in found.corruptions}
    assert by_name["blur"][4] < by_name["blur"][0] == 1


@pytest.mark.parametrize("most", [1, 10, 40])
def test_each_class_has_its_share_of_the_sample(most: int) -> None:
    labels = np.repeat(np.arange(3, dtype=np.int16), [10, 30, 60])
    labels = np.random.default_rng(0).permutation(labels)
    places = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    seen: list[np.ndarray] = []

    def watching(images: np.ndarray) -> np.ndarray:
        seen.append(images.ravel())
        return np.zeros((len(images), 3), np.float32)

    assert robustness.accuracy_under_corruption(watching, places, labels, most).images == most
    chosen = seen[0]
    assert len(set(chosen.tolist())) == most
    shares = np.bincount(labels[chosen], minlength=3) / most
    np.testing.assert_allclose(shares, [0.1, 0.3, 0.6], atol=1 / most)


def test_mapped_images_are_read_in_blocks_and_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = LABELS.astype(np.int16)
    whole = robustness.accuracy_under_corruption(predict, IMAGES, labels, 80)
    np.save(tmp_path / "images.npy", IMAGES)
    sizes = set()

    def watching(images: np.ndarray) -> np.ndarray:
        sizes.add(len(images))
        return predict(images)

    monkeypatch.setattr(predictions, "BLOCK_BYTES", 7 * IMAGES[0].nbytes)
    mapped = npy.open_mapped(tmp_path / "images.npy")
    assert robustness.accuracy_under_corruption(watching, mapped, labels, 80) == whole
    assert sizes == {7, 3}


def test_progress_ends_when_all_is_done() -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        robustness.accuracy_under_corruption(predict, IMAGES, LABELS.astype(np.int16), 20)
    done = [progress.done for progress in heard]
    assert done == sorted(done)
    assert done[-1] == heard[-1].total == 20 * 36
