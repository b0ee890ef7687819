import numpy as np
import pytest

from examples import clothes
from reading import ingest_arrays
from sightline.data.validation import findings
from sightline.data.validation.examination import is_blank, is_saturated
from sightline.data.validation.profile import pixel_sums
from sightline.storage import npy

NONE = {"train": 0, "test": 0}


def planted(channels):
    """Return clothes with one finding of each kind at known positions."""
    x, y = clothes(130, 7)
    x = np.repeat(x, channels, axis=-1)
    x_train, y_train, x_test, y_test = x[:100].copy(), y[:100].copy(), x[100:].copy(), y[100:]
    x_train[40], y_train[40] = x_train[13], y_train[13]  # a duplicate
    x_train[41], y_train[41] = x_train[14], (y_train[14] + 1) % 10  # and a conflict
    x_test[5] = x_train[20]  # a leak
    noise = np.random.default_rng(0).integers(-1, 2, x_train[0].shape)
    x_test[6] = np.clip(x_train[21] + noise, 0, 255)
    x_train[42] = np.clip(x_train[22] + noise, 0, 255)
    x_train[43] = 77
    x_test[7] = 0
    x_test[7, 0, 0] = 200
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@pytest.mark.parametrize("channels", [1, 3])
def test_planted_findings_are_found_and_no_others(run, tmp_path, channels):
    arrays = planted(channels)
    files = ingest_arrays(run, tmp_path / "planted.npz", **arrays)
    found = files.inspection
    table = findings.read_findings(run.workspace.root / found.findings.path, 99)
    for kind, train, test in (("leak", 0, 1), ("duplicate", 2, 0), ("blank", 1, 0)):
        assert found.affected[kind] == {"train": train, "test": test}
    assert found.affected["saturated"] == {"train": 0, "test": 1}
    assert found.affected["conflict"]["train"] >= 2
    places = {kind: {} for kind in table}
    for one in (one for rows in table.values() for one in rows):
        other = one.other and (one.other.split, one.other.index)
        places[one.kind][one.image.split, one.image.index] = other
    assert places["leak"] == {("test", 5): ("train", 20)}
    assert places["duplicate"] == {("train", 40): ("train", 13), ("train", 41): ("train", 14)}
    assert places["conflict"][("train", 41)] == ("train", 14)
    assert places["conflict"][("train", 14)] == ("train", 41)
    assert places["near_leak"][("test", 6)] == ("train", 21)
    assert places["near_duplicate"][("train", 42)] == ("train", 22)
    assert places["blank"] == {("train", 43): None}
    assert places["saturated"] == {("test", 7): None}
    profile = found.profiles["train"]
    assert profile.per_class == files.counts["train"]
    assert profile.pixel_max == arrays["x_train"].max()
    assert profile.pixel_mean == pytest.approx(arrays["x_train"].mean(), abs=1e-4)


def test_distinct_images_have_no_findings(run, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (120, 8, 8), dtype=np.uint8)
    labels = np.arange(120) % 3
    arrays = {"x_train": noise[:90], "y_train": labels[:90], "x_test": noise[90:]}
    arrays["y_test"] = labels[90:]
    found = ingest_arrays(run, tmp_path / "noise.npz", **arrays).inspection
    assert set(found.affected) == set(findings.KINDS)
    assert all(counts == NONE for counts in found.affected.values())


def test_every_image_of_a_data_set_of_equal_images_is_found(run, tmp_path):
    image = clothes(1, 0)[0][0]
    arrays = {"x_train": np.stack([image] * 50), "y_train": np.arange(50) % 2}
    arrays |= {"x_test": np.stack([image] * 10), "y_test": np.arange(10) % 2}
    found = ingest_arrays(run, tmp_path / "equal.npz", **arrays).inspection
    assert found.affected["duplicate"] == {"train": 49, "test": 9}
    assert found.affected["leak"] == {"train": 0, "test": 10}
    assert found.affected["conflict"] == {"train": 50, "test": 10}
    assert found.affected["near_duplicate"] == found.affected["near_leak"] == NONE


def test_result_does_not_depend_on_the_block_size(run, tmp_path, monkeypatch):
    expected = ingest_arrays(run, tmp_path / "planted.npz", **planted(1))
    monkeypatch.setattr("sightline.data.readers.base.BLOCK_BYTES", 7 * 784)
    monkeypatch.setattr(npy, "BLOCK_BYTES", 7 * 784)
    other = run.model_copy(update={"id": "other", "refresh": True})
    found = ingest_arrays(other, tmp_path / "planted.npz", **planted(1))
    assert found.inspection == expected.inspection


def uniform(*values):
    return np.stack([np.full((20, 20, 1), value, dtype=np.uint8) for value in values])


def test_image_of_one_value_is_blank():
    images = uniform(0, 128, 255, 7, 9)
    images[3, 5, 5] = 8
    images[4, 5, 5:7, 0] = 8, 10  # the mean is still the first pixel
    assert is_blank(images, pixel_sums(images)).tolist() == [True, True, True, False, False]


def test_black_or_white_images_are_saturated():
    images = uniform(0, 4, 60, 128, 200, 252, 255, 0, 0, 255, 255, 0)
    pixels = images.reshape(12, -1)
    pixels[[7, 9], :4] = 128  # 1% of the pixels can have any value
    pixels[[8, 10], :5] = 128
    pixels[11, :200] = 255
    assert np.flatnonzero(is_saturated(images, pixel_sums(images))).tolist() == [0, 1, 5, 6, 7, 9]
