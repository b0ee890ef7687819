import csv

import numpy as np
import pytest

from reading import check_unreadable, ingest, read_all
from sightline.data.readers.csv import csv_table

COUNT = 24
X = np.random.default_rng(2).integers(0, 256, (COUNT, 64), dtype=np.uint8)
Y = np.arange(COUNT) % 4
USAGE = ["Training", "Training", "PublicTest", "PrivateTest", "Training", "Training"] * 4
SPLITS = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
TEXTS = [" ".join(map(str, image)) for image in X]


def write(path, **columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fer2013.csv"


@pytest.mark.parametrize("blank", ["", " "])
def test_fer_2013_is_read_with_its_splits(path, blank):
    columns = {"emotion": Y, f"{blank}Usage": USAGE, f"{blank}pixels": TEXTS}
    raw, images = read_all(write(path, **columns))
    assert raw.class_names == ("0", "1", "2", "3")
    assert [split.name for split in raw.splits] == list(SPLITS)
    for split in raw.splits:
        rows = np.flatnonzero(np.array(USAGE) == SPLITS[split.name])
        np.testing.assert_array_equal(images[split.name].reshape(-1, 64), X[rows])
        assert split.labels.tolist() == Y[rows].tolist()
        assert [split.source(row) for row in range(len(rows))] == [
            f"{path.name}#{row}" for row in rows
        ]


def test_fer_2013_is_ingested_in_small_blocks_with_metadata(run, path, monkeypatch):
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 1000)
    write(path, emotion=Y, site=range(COUNT), pixels=TEXTS, Usage=sorted(USAGE))
    files = ingest(run, path, metadata_columns=("site",))
    assert {name: one.shape[0] for name, one in files.images.items()} == {
        "train": 16,
        "validation": 4,
        "test": 4,
    }


def test_pixels_as_text_without_splits_are_one_split_beside_metadata_and_other_columns(path):
    write(path, site=USAGE, id=range(COUNT), kind=Y, pixels=TEXTS)
    check_unreadable(path, "fer2013.csv", "data.label_column")
    raw, images = read_all(path, label_column="kind", metadata_columns=("site",))
    np.testing.assert_array_equal(images["unsplit"].reshape(-1, 64), X)
    assert raw.splits[0].labels.tolist() == Y.tolist()
    (batch,) = raw.splits[0].metadata()
    assert batch.to_pydict() == {"site": USAGE}
    assert "id" in raw.notes[-1]


def test_split_column_beside_pixel_columns_selects_rows_and_metadata(path):
    pixels = {f"p{number}": X[:, number] for number in range(64)}
    write(path, label=Y, site=range(COUNT), split=["train", "train", "test"] * 8, **pixels)
    raw, images = read_all(path, metadata_columns=("site",))
    rows = np.arange(2, COUNT, 3)
    np.testing.assert_array_equal(images["test"].reshape(-1, 64), X[rows])
    (batch,) = raw.splits[1].metadata()
    assert batch.to_pydict() == {"site": list(map(str, rows))}


def test_files_named_like_splits_have_precedence_over_their_split_column(tmp_path):
    write(tmp_path / "train.csv", emotion=Y, pixels=TEXTS, Usage=USAGE)
    write(tmp_path / "test.csv", emotion=Y[:5], pixels=TEXTS[:5], Usage=USAGE[:5])
    raw, images = read_all(tmp_path)
    assert [split.labels.tolist() for split in raw.splits] == [Y.tolist(), Y[:5].tolist()]
    np.testing.assert_array_equal(images["test"].reshape(5, 64), X[:5])
    assert "Usage of test.csv" in raw.notes[-1]


@pytest.mark.parametrize(
    ("name", "bad", "facts"),
    [
        ("pixels", TEXTS[0] + " 7", ("row 5", "64", "65")),
        ("pixels", "", ("row 5", "64")),
        ("pixels", TEXTS[5].rpartition(" ")[0] + " 256", ("row 5", "256")),
        ("pixels", TEXTS[5].rpartition(" ")[0] + " x", ("'pixels'", "numbers")),
        ("Usage", "Unknown", ("row 5", "'Usage'", "'Unknown'")),
        ("emotion", "9", ("(test)", "label 9")),
    ],
)
def test_bad_cell_is_refused_with_its_row(path, name, bad, facts):
    columns = {"emotion": [*Y], "pixels": [*TEXTS], "Usage": [*USAGE]}
    columns[name][5 if name != "emotion" else 3] = bad
    check_unreadable(write(path, **columns), "fer2013.csv", *facts)
