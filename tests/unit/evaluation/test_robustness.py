import numpy as np
import pytest

from examples import pictures
from sightline.data import split_arrays
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.evaluation.robustness import accuracy_under_corruption
from sightline.pipeline.progress import Progress, listening
from sightline.storage import npy

IMAGES, LABELS = pictures(90, 0, (12, 16, 1))


def predict(images):
    """Distinguish the four textures by their rows and columns."""
    values = images[..., 0].astype(np.float32)
    rows = np.abs(np.diff(values.mean(axis=2), axis=1)).mean(axis=1)
    columns = np.abs(np.diff(values.mean(axis=1), axis=1)).mean(axis=1)
    checks = np.abs(np.diff(np.diff(values, axis=1), axis=2)).mean(axis=(1, 2)) / 4
    scores = np.stack([rows, columns, checks, np.full(len(images), 60)], axis=1)
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def accuracy(images, labels):
    return float((predict(images).argmax(axis=1) == labels).mean())


def test_accuracy_is_that_on_the_corrupted_images():
    labels = LABELS.astype(np.int16)
    found = accuracy_under_corruption(predict, IMAGES, labels, 1000)
    order = np.argsort(labels, kind="stable")
    assert found.images == 90
    assert found.accuracy == accuracy(IMAGES, labels) == 1
    assert [row.corruption for row in found.corruptions] == list(CORRUPTIONS)
    for row in found.corruptions:
        corrupted = [CORRUPTIONS[row.corruption](IMAGES[order], s, 0) for s in SEVERITIES]
        assert row.accuracies == tuple(accuracy(images, labels[order]) for images in corrupted)
    by_name = {row.corruption: row.accuracies for row in found.corruptions}
    assert by_name["blur"][4] < by_name["blur"][0] == 1


@pytest.mark.parametrize("limit", [1, 10, 40])
def test_classes_keep_their_shares_in_the_sample(limit):
    labels = np.repeat(np.arange(3, dtype=np.int16), [10, 30, 60])
    labels = np.random.default_rng(0).permutation(labels)
    places = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    seen: list[np.ndarray] = []

    def recording(images):
        seen.append(images.ravel())
        return np.zeros((len(images), 3), np.float32)

    assert accuracy_under_corruption(recording, places, labels, limit).images == limit
    assert len(set(seen[0].tolist())) == limit
    shares = np.bincount(labels[seen[0]], minlength=3) / limit
    np.testing.assert_allclose(shares, [0.1, 0.3, 0.6], atol=1 / limit)


def test_mapped_images_are_read_in_blocks_with_the_same_result(tmp_path, monkeypatch):
    labels = LABELS.astype(np.int16)
    expected = accuracy_under_corruption(predict, IMAGES, labels, 80)
    np.save(tmp_path / "images.npy", IMAGES)
    sizes = set()

    def recording(images):
        sizes.add(len(images))
        return predict(images)

    monkeypatch.setattr(split_arrays, "BLOCK_BYTES", 7 * IMAGES[0].nbytes)
    mapped = npy.open_mapped(tmp_path / "images.npy")
    events: list[Progress] = []
    with listening(events.append):
        assert accuracy_under_corruption(recording, mapped, labels, 80) == expected
    assert sizes == {7, 3}
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] == events[-1].total == 80 * 36
