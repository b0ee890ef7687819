import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bad_files import png
from examples import write_npz
from reading import check_unreadable, read_all
from sightline.errors import DataError

CAMERAS = ("left", "", "rück", "left", " ", "nan")
IMAGE = png(np.full((8, 8), 9, np.uint8))


def write_csv(path, header=True):
    names = ["label", "camera", *(f"p{number}" for number in range(64)), "site"]
    rows = [
        [str(row % 2), camera if header else "1", *["9"] * 64, "7"]
        for row, camera in enumerate(CAMERAS)
    ]
    path.write_text("\n".join(map(",".join, [names, *rows] if header else rows)))
    return path


def write_parquet(path, **columns):
    path.parent.mkdir(exist_ok=True)
    count = len(next(iter(columns.values())))
    labels = [row % 2 for row in range(count)]
    pq.write_table(pa.table({"image": [IMAGE] * count, "label": labels, **columns}), path)
    return path


def metadata(split):
    assert split.metadata is not None
    return pa.Table.from_batches(split.metadata()).to_pydict()


def test_named_csv_columns_are_metadata_and_not_pixels(tmp_path):
    raw, images = read_all(write_csv(tmp_path / "x.csv"), metadata_columns=("site", "camera"))
    assert raw.image_shape == (8, 8, 1)
    assert (images["unsplit"] == 9).all()
    assert metadata(raw.splits[0]) == {
        "site": ["7"] * 6,
        "camera": ["left", None, "rück", "left", None, "nan"],
    }


def test_parquet_columns_become_text_and_missing_values_stay_missing(tmp_path):
    columns = {
        "camera": pa.array(["left", "", None]).dictionary_encode(),
        "exposure.ms": [1.5, None, 20.0],
        "flash": [True, False, None],
        "day": pa.array([0, 1, None], pa.date32()),
        "unknown": pa.nulls(3),
        "left_out": [[1], [2], [3]],
    }
    write_parquet(tmp_path / "x" / "train-0.parquet", **columns)
    write_parquet(tmp_path / "x" / "train-1.parquet", **columns)
    assert read_all(tmp_path / "x")[0].splits[0].metadata is None
    raw, _ = read_all(tmp_path / "x", metadata_columns=tuple(columns)[:-1])
    assert metadata(raw.splits[0]) == {
        "camera": ["left", "", None] * 2,
        "exposure.ms": ["1.5", None, "20"] * 2,
        "flash": ["true", "false", None] * 2,
        "day": ["1970-01-01", "1970-01-02", None] * 2,
        "unknown": [None] * 6,
    }


@pytest.mark.parametrize(
    ("file", "column", "facts"),
    [
        ("x.csv", "kamera", ("'camera'", "camera, p0")),
        ("x.csv", "label", ("camera, p0", " …")),
        ("headless.csv", "camera", ("none",)),
        *(("x.parquet", column, (" camera:",)) for column in ("site", "label", "image")),
        ("x.npz", "camera", ("CSV", "Parquet")),
    ],
)
def test_unknown_column_is_refused_with_the_columns_to_choose_from(tmp_path, file, column, facts):
    write_csv(tmp_path / "x.csv")
    write_csv(tmp_path / "headless.csv", header=False)
    write_parquet(tmp_path / "x.parquet", camera=["a", "b"])
    write_npz(tmp_path / "x.npz")
    named = (file, f"'{column}'", *facts, "data.metadata_columns")
    check_unreadable(tmp_path / file, *named, metadata_columns=(column,))


@pytest.mark.parametrize(
    ("values", "fact"),
    [
        ([[1], [2]], "list"),
        (pa.array([b"a", b"\xff"], pa.binary()).view(pa.string()), "string"),
        (["a", "b" * 1001], "row 1 (counted from 0): expected at most 1,000"),
    ],
)
def test_metadata_that_are_not_short_text_are_refused_with_their_column(tmp_path, values, fact):
    path = write_parquet(tmp_path / "x.parquet", site=values)
    raw, _ = read_all(path, metadata_columns=("site",))
    with pytest.raises(DataError, match=r"x\.parquet.*'site'") as raised:
        metadata(raw.splits[0])
    assert fact in str(raised.value)
