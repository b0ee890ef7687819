import numpy as np
import pytest

from reading import check_unreadable, read_all

X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
Y = np.arange(20) % 4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def test_medmnist_is_read_with_its_three_splits(path):
    shifted = {"train": X, "val": X[::-1], "test": 255 - X[:8]}
    arrays = {f"{split}_images": images for split, images in shifted.items()}
    labels = {"train": Y, "val": Y[::-1], "test": Y[:8]}
    columns = {f"{split}_labels": np.uint8(one)[:, np.newaxis] for split, one in labels.items()}
    np.savez(path, **arrays, **columns)
    raw, images = read_all(path)
    assert [split.name for split in raw.splits] == ["train", "validation", "test"]
    for split, name in zip(raw.splits, shifted, strict=True):
        np.testing.assert_array_equal(images[split.name][..., 0], shifted[name])
        np.testing.assert_array_equal(split.labels, labels[name])
    assert raw.splits[1].source(3) == "val_images#3"
    np.savez(path, **arrays, val_labels=columns["val_labels"])
    check_unreadable(path, "lacks the array train_labels")


def test_arrays_are_found_in_any_case(path):
    np.savez(path, X_train=X, y_train=Y, X_test=X[:8], Y_TEST=Y[:8])
    raw, images = read_all(path)
    np.testing.assert_array_equal(images["test"][..., 0], X[:8])
    np.testing.assert_array_equal(raw.splits[1].labels, Y[:8])


@pytest.mark.parametrize("names", [("X", "y"), ("images", "labels"), ("data", "target")])
def test_arrays_without_a_split_are_one_split(path, names):
    np.savez(path, **dict(zip(names, (X, Y), strict=True)))
    raw, images = read_all(path)
    np.testing.assert_array_equal(images["unsplit"][..., 0], X)
    np.testing.assert_array_equal(raw.splits[0].labels, Y)


@pytest.mark.parametrize("roles", [("x", "y"), ("data", "labels"), ("data", "targets")])
def test_split_may_precede_its_role(path, roles):
    splits = {"train": (X, Y), "test": (X[:8], Y[:8])}
    pairs = [
        (split, one) for split, both in splits.items() for one in zip(roles, both, strict=True)
    ]
    np.savez(path, X=X[:1], y=Y[:1], **{f"{split}_{role}": array for split, (role, array) in pairs})
    raw, images = read_all(path)
    np.testing.assert_array_equal(images["test"][..., 0], X[:8])
    np.testing.assert_array_equal(raw.splits[0].labels, Y)


def test_other_arrays_are_noted(path):
    np.savez(path, x_train=X, y_train=Y, class_names=np.array(["a", "b"]), x_extra=X)
    raw, _ = read_all(path)
    assert raw.notes == ("Left out, as no known split: class_names, x_extra.",)
