"""What was recognized and decided is known before images are decoded, and can be pinned."""

import shlex

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bad_files import png
from examples import pictures, write_folders, write_npz
from reading import ingest
from sightline.config import loading
from sightline.data import announcement, locate
from sightline.data import ingest as ingestion
from tar_files import samples, write_tar
from tfrecord_files import examples, write_tfrecord

ROWS = [f"{'ab'[number % 2]}," + ",".join([str(number)] * 64) for number in range(20)]
GRAY = ("data.image_size=[8,8]", "data.channels=1")
HELD_OUT = "data.test_fraction=0.2"


def npz(place):
    return write_npz(place / "x.npz")


def folders(place):
    return write_folders(place / "photos", 8, 8, (8, 8, 3))


def loose(place):
    """Images of two sizes with a table, and a split for validation only."""
    rows = []
    for number in range(12):
        split = "Val" if number > 7 else "Train"
        (place / "loose" / split).mkdir(parents=True, exist_ok=True)
        size = (8, 8) if number % 2 else (8, 16)
        Image.new("L", size, 9 * number).save(place / "loose" / split / f"{number}.png")
        rows.append(f"{number}.png,{'ab'[number // 2 % 2]}")
    (place / "loose" / "labels.csv").write_text("\n".join(["id,Class", *rows]))
    return place / "loose"


def unnamed(place):
    (place / "x.csv").write_text("\n".join(ROWS))
    return place / "x.csv"


def shards(place):
    for name in ("train-0", "train-1", "test-0"):
        images = [png(np.full((8, 8), row, np.uint8)) for row in range(4)]
        table = pa.table({"img": images, "category": [0, 1, 0, 1]})
        (place / "hub").mkdir(exist_ok=True)
        pq.write_table(table, place / "hub" / f"{name}.parquet")
    return place / "hub"


def records(place):
    rows = examples([0, 1] * 4, image="image/encoded", label="image/class/label")
    return write_tfrecord(place / "x.tfrecord", rows)


def tars(place):
    for name in ("train", "val"):
        write_tar(place / "web" / f"{name}-000.tar", samples(["a", "b"] * 2))
    return place / "web"


def dark(place):
    for number in range(8):
        path = place / "dark" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 100 * number, np.uint16)).save(path)
    return place / "dark"


FOUND = {
    npz: (
        ("NPZ archive", "array y_train", {"train": "array x_train", "test": "array x_test"}),
        ("data.image_size=[12,12]", "data.channels=1"),
    ),
    folders: (
        ("image folder", "class folders", {"train": "folder train", "test": "folder test"}),
        ("data.image_size=[8,8]", "data.channels=3", 'data.resize="stretch"'),
    ),
    loose: (
        (
            *("image folder", "column class of labels.csv"),
            {"train": "folder Train", "test": "folder Val"},
        ),
        (
            *('data.label_column="class"', "data.image_size=[64,64]", "data.channels=1"),
            'data.resize="crop"',
        ),
    ),
    unnamed: (
        ("CSV", "column 0 of x.csv, counted from 0", {}),
        ("data.label_column=0", *GRAY, HELD_OUT),
    ),
    shards: (
        (
            *("Parquet", "column category"),
            {"train": "file train-0.parquet and 1 more", "test": "file test-0.parquet"},
        ),
        (
            *('data.label_column="category"', 'data.image_column="img"'),
            *(*GRAY, 'data.resize="stretch"'),
        ),
    ),
    records: (
        ("TFRecord", "feature image/class/label", {}),
        (
            *('data.label_column="image/class/label"', 'data.image_column="image/encoded"'),
            *(*GRAY, 'data.resize="stretch"', HELD_OUT),
        ),
    ),
    tars: (
        (
            *("WebDataset", "members .cls, .json or .txt"),
            {"train": "file train-000.tar", "test": "file val-000.tar"},
        ),
        (*GRAY, 'data.resize="stretch"'),
    ),
    dark: (
        ("image folder", "class folders", {}),
        (*GRAY, 'data.resize="stretch"', "data.white=1023", HELD_OUT),
    ),
}


@pytest.mark.parametrize("make", FOUND, ids=lambda make: make.__name__)
def test_what_was_recognized_and_chosen_is_recorded_and_pinning_it_changes_nothing(
    tmp_path, run, make
):
    path = make(tmp_path)
    found = ingest(run, path)
    recognized, chosen = FOUND[make]
    assert (found.format, found.label_source, found.places) == recognized
    assert found.chosen == chosen
    config = loading.load(overrides=chosen, dataset=str(path)).data
    pinned = ingestion.ingest(run, locate.locate(config), config)
    assert pinned.chosen in {(), (HELD_OUT,)}  # which has a default
    assert [one.sha256 for one in pinned.images.values()] == [
        one.sha256 for one in found.images.values()
    ]
    assert pinned.label_digests == found.label_digests


def test_facts_are_announced_before_images_are_written_and_from_the_cache(tmp_path, run):
    announced = []

    def announce(facts, seconds):
        announced.append((facts, seconds, [*run.workspace.root.rglob("labels.parquet")]))

    config = loading.load(dataset=str(loose(tmp_path))).data
    files = []
    for _ in range(2):
        with announcement.listening(announce):
            files.append(ingestion.ingest(run, locate.locate(config), config))
    (first, seconds, written), (cached, no_seconds, _) = announced
    assert not written
    assert seconds > 0 == no_seconds
    assert cached == files[0] == files[1]
    assert first.model_dump() == {name: getattr(cached, name) for name in first.model_fields_set}
    assert first.stored_bytes == 12 * 64 * 64


def test_decisions_are_the_notes_that_concern_the_meaning_of_images_labels_and_splits(
    tmp_path, run
):
    found = ingest(run, loose(tmp_path))
    resized, validation = found.decisions
    assert "12 of 12 images were resized to 64x64 pixels" in resized
    assert resized.endswith("cut off (before: 8x8 to 16x8).")
    assert "validation split of the data set is the test split" in validation
    images, labels = pictures(40, 1)
    np.savez(tmp_path / "plain.npz", x_train=images, y_train=labels)
    plain = ingest(run, tmp_path / "plain.npz", channels=3)
    assert len(plain.notes) == 2
    assert plain.decisions == ()
    (gray,) = ingest(run, tmp_path / "plain.npz", image_size=(12, 12), test_fraction=0.5).notes
    assert "20 examples" in gray


def test_chosen_settings_can_be_typed_in_a_shell(tmp_path, run):
    rows = [f"{number % 2},{' '.join([str(number)] * 64)}" for number in range(20)]
    (tmp_path / "fer.csv").write_text("\n".join(["the emotion,pixels", *rows]))
    found = ingest(run, tmp_path / "fer.csv")
    label, size, *_ = shlex.split(shlex.join(found.chosen))
    data = loading.load_data(None, [label, size], None)
    assert (data.label_column, data.image_size) == ("the emotion", (8, 8))
