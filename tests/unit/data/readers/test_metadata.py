import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from examples import write_npz
from sightline.data.readers.base import Examples
from sightline.errors import DataError

CAMERAS = ("left", "", "rück", "left", " ", "nan")


def write_csv(path: Path, header: bool = True) -> Path:
    names = ["label", "camera", *(f"p{number}" for number in range(64)), "site"]
    rows = [
        ",".join([str(row % 2), camera if header else "1", *["9"] * 64, "7"])
        for row, camera in enumerate(CAMERAS)
    ]
    path.write_text("\n".join([",".join(names), *rows] if header else rows))
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    file = io.BytesIO()
    Image.new("L", (8, 8), 9).save(file, "PNG")
    count = len(next(iter(columns.values())))
    labels = [row % 2 for row in range(count)]
    pq.write_table(pa.table({"image": [file.getvalue()] * count, "label": labels, **columns}), path)
    return path


def metadata(examples: Examples) -> dict[str, list[Any]]:
    assert examples.metadata is not None
    return pa.Table.from_batches(examples.metadata()).to_pydict()


def test_csv_columns_that_are_named_are_metadata_and_no_pixels(read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv")

    reading, images = read(path, metadata_columns=("site", "camera"))

    assert reading.image_shape == (8, 8, 1)
    assert (images["whole"] == 9).all()
    assert metadata(reading.examples[0]) == {
        "site": ["7"] * 6,
        "camera": ["left", None, "rück", "left", None, "nan"],
    }


def test_parquet_columns_become_text_and_what_is_missing_stays_so(read, tmp_path: Path) -> None:
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

    reading, _ = read(tmp_path / "x", metadata_columns=tuple(columns)[:-1])

    assert metadata(reading.examples[0]) == {
        "camera": ["left", "", None] * 2,
        "exposure.ms": ["1.5", None, "20"] * 2,
        "flash": ["true", "false", None] * 2,
        "day": ["1970-01-01", "1970-01-02", None] * 2,
        "unknown": [None] * 6,
    }


def test_nothing_is_metadata_unless_it_is_named(read, tmp_path: Path) -> None:
    reading, _ = read(write_parquet(tmp_path / "x.parquet", camera=["a", "b"]))

    assert reading.examples[0].metadata is None


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("kamera", r"'kamera', did you mean 'camera'\?; beside label and image it has camera, p0"),
        ("label", r"'label'; beside label and image it has camera, .* …: set data\.metadata_col"),
    ],
)
def test_unknown_csv_column_names_the_file_and_what_is_there(
    read, tmp_path: Path, column: str, message: str
) -> None:
    with pytest.raises(DataError, match=rf"x\.csv: expected one metadata column {message}"):
        read(write_csv(tmp_path / "x.csv"), metadata_columns=(column,))


def test_csv_without_a_header_has_no_metadata(read, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'camera'; beside label and image it has none: set"):
        read(write_csv(tmp_path / "x.csv", header=False), metadata_columns=("camera",))


@pytest.mark.parametrize("column", ["site", "label", "image"])
def test_unknown_parquet_column_names_the_file_and_what_is_there(
    read, tmp_path: Path, column: str
) -> None:
    path = write_parquet(tmp_path / "x.parquet", camera=["a", "b"])

    with pytest.raises(
        DataError, match=rf"x\.parquet: .* '{column}'; beside label and image it has camera: set"
    ):
        read(path, metadata_columns=(column,))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1], [2]], "found list.* that cannot be written as text"),
        (pa.array([b"a", b"\xff"], pa.binary()).view(pa.string()), "found string that cannot be"),
        (["a", "b" * 1001], r"row 1 \(counted from 0\): expected at most 1,000 characters"),
    ],
)
def test_metadata_that_cannot_be_short_text_are_refused_with_their_column(
    read, tmp_path: Path, values: object, message: str
) -> None:
    path = write_parquet(tmp_path / "x.parquet", odd=values)
    reading, _ = read(path, metadata_columns=("odd",))

    with pytest.raises(DataError, match=rf"x\.parquet.*{message}") as raised:
        metadata(reading.examples[0])
    assert "metadata column 'odd'" in str(raised.value)


def test_source_without_columns_refuses_metadata(read, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.npz has no columns .* 'camera'; .* CSV and Parquet"):
        read(write_npz(tmp_path / "x.npz"), metadata_columns=("camera",))
