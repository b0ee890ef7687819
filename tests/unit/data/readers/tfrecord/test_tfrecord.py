import json

import numpy as np
import pytest

from bad_files import X, png
from reading import check_unreadable, ingest, read_all
from sightline.config import DataConfig
from sightline.data import locate
from tfrecord_files import examples, write_tfrecord


def test_shards_of_tensorflow_datasets_are_read_exactly(tmp_path):
    folder = tmp_path / "digits" / "3.0.1"
    for shard in range(2):
        write_tfrecord(
            folder / f"digits-train.tfrecord-0000{shard}-of-00002",
            examples([1, 0, 1], first=10 * shard),
        )
    write_tfrecord(folder / "digits-test.tfrecord-00000-of-00001", examples([1, 0], first=90))
    (folder / "label.labels.txt").write_text("owl\ncat\n")
    (folder / "coarse.labels.txt").write_text("animal\n")
    (folder / "features.json").write_text("{}")
    info = {"splits": [{"name": "train", "shardLengths": ["3", "3"]}]}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    raw, images = read_all(tmp_path / "digits")
    assert raw.class_names == ("owl", "cat")
    assert raw.image_shape == (8, 8, 1)
    assert [split.name for split in raw.splits] == ["train", "test"]
    assert raw.splits[0].labels.tolist() == [1, 0, 1, 1, 0, 1]
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert images["test"][:, 0, 0, 0].tolist() == [90, 91]
    assert raw.splits[0].source(4) == "3.0.1/digits-train.tfrecord-00001-of-00002#1"
    assert raw.origin.labels == "feature label, with the class names of label.labels.txt"
    assert raw.notes == ()


def test_counts_that_differ_from_dataset_info_are_noted(tmp_path):
    write_tfrecord(tmp_path / "digits-train.tfrecord-00000-of-00001", examples([0, 1, 0, 1]))
    write_tfrecord(tmp_path / "digits-test.tfrecord-00000-of-00001", examples([0, 1]))
    info = tmp_path / "dataset_info.json"
    lengths = {"train": ["3", "2"], "test": ["2"]}
    splits = [{"name": name, "shardLengths": found} for name, found in lengths.items()]
    info.write_text(json.dumps({"name": "digits", "splits": splits}))
    before = locate.locate(DataConfig(dataset=str(tmp_path))).sha256
    (note,) = read_all(tmp_path)[0].notes
    assert "states 5 records in the train split, but its files have 4" in note
    for damaged in (b"", b"{", b'{"splits": [{"name": []}]}', b"[" * 10_000):
        info.write_bytes(damaged)
        assert read_all(tmp_path)[0].notes == ()
    assert locate.locate(DataConfig(dataset=str(tmp_path))).sha256 != before


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train.tfrecord", "test.tfrecord"),
        ("flowers_train_0.tfrecords", "flowers_validation_0.tfrecords"),
        ("train/00-224x224-512.tfrec", "val/00-224x224-512.tfrec"),
        ("train-00000-of-00001", "validation-00000-of-00001"),
        ("mnist-train.tfrecord.gz", "mnist-test.tfrecord.gz"),
        ("train-00000-of-00001.tfrecord", "TEST-00000-of-00001.TFRecord"),
    ],
)
def test_splits_are_in_the_names_of_files_or_folders(tmp_path, train, test):
    write_tfrecord(tmp_path / train, examples([1, 0, 1, 0]))
    write_tfrecord(tmp_path / test, examples([1, 0, 1, 0], first=50))
    raw, images = read_all(tmp_path)
    assert [split.source(0) for split in raw.splits] == [f"{train}#0", f"{test}#0"]
    assert images["train"].max() == 3


@pytest.mark.parametrize(
    ("image", "label"),
    [
        *(("image/encoded", "image/class/label"), ("image", "class"), ("image_raw", "label")),
        *(("image/encoded", "image/class/text"), ("png", "target")),
    ],
)
def test_usual_features_are_found(tmp_path, image, label):
    rows = examples(["b", "a", "b", "a"], image=image, label=label)
    raw, images = read_all(write_tfrecord(tmp_path / "x.tfrecord", rows))
    assert raw.class_names == ("a", "b")
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert raw.origin.label_column == (None if label == "label" else label)


def test_other_features_are_chosen_by_name(tmp_path):
    rows = [one | {"fine": "ba"[n % 2]} for n, one in enumerate(examples([0] * 4, image="photo"))]
    path = write_tfrecord(tmp_path / "x.tfrecord", rows)
    check_unreadable(path, "x.tfrecord", "photo (bytes), label (int64)", "data.image_column")
    raw, _ = read_all(path, image_column="photo", label_column="fine")
    assert raw.class_names == ("a", "b")
    check_unreadable(
        path, "'kind'"[1:-1], "data.label_column", image_column="photo", label_column="kind"
    )


DEEP = X.astype(np.uint16)


def raw_rows(images, **sizes):
    return [
        {"image_raw": image.tobytes(), "label": number % 2, **sizes}
        for number, image in enumerate(images)
    ]


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((8, 8, 1), {"height": 8, "width": 8, "depth": 1}),
        ((8, 12, 1), {"height": 8, "width": 12, "depth": 1}),
        ((8, 9, 3), {"image/height": 8, "image/width": 9, "image/channels": 3}),
        ((8, 9, 3), {"height": 8, "width": 9}),
        ((9, 9, 3), {}),
        ((8, 8, 1), {}),
    ],
)
def test_raw_pixels_are_read_exactly(tmp_path, run, shape, sizes):
    images = np.random.default_rng(0).integers(0, 256, (10, *shape), dtype=np.uint8)
    if sizes:
        images[0].flat[:3] = 255, 216, 255  # like the start of a JPEG
    path = write_tfrecord(tmp_path / "x.tfrecord", raw_rows(images, **sizes))
    raw, found = read_all(path)
    assert raw.image_shape == shape
    np.testing.assert_array_equal(found["unsplit"], images)
    assert ingest(run, path, image_size=(16, 16)).images["train"].shape[1:] == (16, 16, shape[2])


def test_colors_in_planes_are_joined_with_a_note(tmp_path):
    steps = np.arange(8, dtype=np.uint8)
    images = np.stack([9 * steps[:, None] + steps + 60 * color for color in range(3)], -1)
    rows = raw_rows(np.stack([np.moveaxis(images, -1, 0)] * 4))
    raw, found = read_all(write_tfrecord(tmp_path / "x.tfrecord", rows))
    np.testing.assert_array_equal(found["unsplit"][0], images)
    assert any("color channels" in note for note in raw.notes)


def test_missing_files_of_a_series_are_noted(tmp_path):
    write_tfrecord(tmp_path / "x-train.tfrecord-00000-of-00003", examples([1, 0, 1, 0]))
    notes = " ".join(read_all(tmp_path)[0].notes)
    assert "Missing: 2 of 3 files, such as x-train.tfrecord-00001-of-00003" in notes


def test_raw_pixels_have_the_digests_of_the_same_pixels_in_arrays(tmp_path):
    path = write_tfrecord(tmp_path / "x.tfrecord", raw_rows(X, height=8, width=8, depth=1))
    np.savez(tmp_path / "x.npz", x_train=X, y_train=np.arange(len(X)) % 2)
    digests = []
    for one in (path, tmp_path / "x.npz"):
        raw, _ = read_all(one)
        digests.append(np.concatenate([block.digests for block in raw.splits[0].images()]))
    assert digests[0].tolist() == digests[1].tolist()


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        (
            raw_rows(DEEP, height=8, width=8, depth=1),
            ("record 0", "8 x 8 x 1", "128"),
        ),
        (raw_rows(X, height=8, width=9, depth=1), ("record 0", "8 x 9 x 1", "64")),
        (raw_rows(X, height=4, width=4, depth=4), ("record 0", "4 x 4 x 4", "64")),
        (
            raw_rows(X[:4], height=8, width=8) + raw_rows(X[:4], height=4, width=16),
            ("record 4", "4x16x1", "8x8x1"),
        ),
        ([{"image": [1, 2, 3], "label": 0}], ("'image'", "int64", "data.image_column")),
    ],
)
def test_pixels_that_do_not_fit_are_refused(tmp_path, rows, facts):
    check_unreadable(write_tfrecord(tmp_path / "x.tfrecord", rows), "x.tfrecord", *facts)


def test_images_of_any_size_are_resized_as_in_parquet_files(tmp_path):
    rows = [
        {"image": png(np.full((side, 8), 10 * number, np.uint8)), "label": number % 2}
        for number, side in enumerate((8, 8, 16, 32))
    ]
    raw, images = read_all(write_tfrecord(tmp_path / "x.tfrecord", rows))
    assert raw.image_shape == (64, 64, 1)
    assert images["unsplit"][:, 5, 5, 0].tolist() == [0, 10, 20, 30]


def test_deep_images_keep_their_gray_levels(tmp_path):
    deep = (X.astype(np.uint32) * 1023 // 255).astype(np.uint16)
    rows = [{"image": png(image), "label": number % 2} for number, image in enumerate(deep)]
    raw, images = read_all(write_tfrecord(tmp_path / "x.tfrecord", rows))
    assert raw.white == 1023
    assert np.abs(images["unsplit"][..., 0].astype(int) - X).max() <= 1


def test_unreadable_and_missing_images_are_left_out_if_wanted(tmp_path):
    rows = examples([0, 1] * 4)
    rows[2]["image"] = b"no image"
    del rows[3]["image"]
    rows[4]["image"] = []
    path = write_tfrecord(tmp_path / "x.tfrecord", rows)
    check_unreadable(path, "x.tfrecord, record 2", "replace or remove")
    raw, images = read_all(path, unreadable="skip")
    assert raw.unreadable == 3
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 5, 6, 7]
    assert raw.splits[0].source(2) == "x.tfrecord#5"


def test_encoded_images_are_stored_as_they_are(tmp_path, run):
    path = write_tfrecord(tmp_path / "x.tfrecord", examples([0, 1] * 5))
    assert ingest(run, path, store="encoded").images["train"].shape == (8, 8, 8, 1)


def test_metadata_and_patterns_are_refused(tmp_path):
    path = write_tfrecord(tmp_path / "x.tfrecord", examples([0, 1] * 2))
    check_unreadable(path, "CSV and Parquet", metadata_columns=("camera",))
    check_unreadable(path, "data.label_pattern", label_pattern=r"^(\w+)\.")
