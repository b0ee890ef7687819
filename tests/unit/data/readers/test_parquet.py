import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sightline.errors import DataError

NAMES = ["owl", "cat", "ant"]


def png(value: int, size: tuple[int, int] = (8, 8)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, value).save(file, "PNG")
    return file.getvalue()


def metadata(names: object = NAMES) -> dict[bytes, bytes]:
    features = {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def write(
    path: Path, labels: object, images: object = None, meta: object = None, **options
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if images is None:
        images = [{"bytes": png(index), "path": f"{index}.png"} for index in range(len(labels))]
    table = pa.table({"image": images, "label": labels})
    pq.write_table(table.replace_schema_metadata(meta), path, **options)
    return path


def test_hugging_face_folder_is_read_exactly(read, tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / f"data/train-0000{number}-of-00002.parquet", [0, 1, 2], meta=metadata())
    write(tmp_path / "data/test-00000-of-00001.parquet", [2, 0], meta=metadata())

    reading, images = read(tmp_path)

    assert reading.class_names == ("owl", "cat", "ant")
    assert reading.image_shape == (8, 8, 1)
    assert reading.examples[0].labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 0, 1, 2]
    assert reading.examples[1].labels.tolist() == [2, 0]
    assert reading.examples[0].origin(4) == "data/train-00001-of-00002.parquet#1"


def test_splits_may_be_folders(read, tmp_path: Path) -> None:
    write(tmp_path / "train/part.parquet", [3, 5])
    write(tmp_path / "test/part.parquet", [5])

    reading, _ = read(tmp_path)

    assert reading.class_names == ("3", "5")
    assert reading.examples[1].labels.tolist() == [1]


def test_single_file_with_words_and_plain_bytes_is_whole(read, tmp_path: Path) -> None:
    path = write(tmp_path / "all.parquet", ["b", "a", "b"], [png(1), png(2), png(3)])

    reading, images = read(path)

    assert [part.split for part in reading.examples] == ["whole"]
    assert reading.class_names == ("a", "b")
    assert reading.examples[0].labels.tolist() == [1, 0, 1]
    assert images["whole"][:, 0, 0, 0].tolist() == [1, 2, 3]


def test_dictionary_labels_across_row_groups_keep_their_meaning(read, tmp_path: Path) -> None:
    words = pa.array(["b", "a", "c", "a"]).dictionary_encode()
    path = write(tmp_path / "all.parquet", words, row_group_size=2)

    reading, _ = read(path)

    assert [reading.class_names[n] for n in reading.examples[0].labels] == ["b", "a", "c", "a"]


def test_other_splits_are_left_out_with_a_note(read, tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", [0, 1])
    write(tmp_path / "test-0.parquet", [0, 1])
    write(tmp_path / "validation-0.parquet", [0, 1])

    reading, _ = read(tmp_path)

    assert "validation-0.parquet" in reading.notes[0]


def test_mixed_sizes_are_resized_with_a_note(read, tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [0, 1], [png(1), png(2, (20, 9))])

    reading, _ = read(path)

    assert reading.image_shape == (64, 64, 1)
    assert "2 of 2 images were resized to 64x64" in reading.notes[0]


def test_columns_are_named_by_the_config(read, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"img": [png(1), png(2)], "kind": [0, 1]}), path)

    with pytest.raises(DataError, match=r"no column 'image'.*img, kind: set data\.image_column"):
        read(path)
    assert len(read(path, image_column="img", label_column="kind")[1]["whole"]) == 2


@pytest.mark.parametrize(
    ("labels", "images", "meta", "message"),
    [
        ([0, 1], [{"bytes": None, "path": "a.png"}] * 2, None, "row 0 .*embed the bytes"),
        ([0, 1], [{"path": "a.png"}] * 2, None, "expected encoded images in the column 'image'"),
        ([0, 1], [png(1), None], None, "row 1 .*the image is missing"),
        ([0, 1], [png(1), b"GIF89a"], None, "row 1 .*cannot be read as a PNG"),
        ([0, None], None, None, "row 1 .*the label is missing"),
        ([0.5, 1.0], None, None, "expected integers or words as labels, found double"),
        (
            [0, 1, 3],
            None,
            metadata(),
            "row 2 .*label 3 is not one of the 3 classes; expected 0 to 2",
        ),
        ([0, -1], None, metadata(), "row 1 .*label -1"),
        ([0, 1], None, metadata(["a", "a"]), "'a' occurs twice"),
    ],
)
def test_malformed_row_is_refused(read, tmp_path: Path, labels, images, meta, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "x.parquet", labels, images, meta))


def test_flipped_bit_is_noticed_where_pages_have_checksums(read, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(4000)
    file = io.BytesIO()
    Image.frombytes("L", (80, 50), noise).save(file, "BMP")
    path = write(
        tmp_path / "x.parquet", [0, 1], [file.getvalue()] * 2,
        compression="none", use_dictionary=False, write_page_checksum=True,
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    content[content.index(noise[:80]) + 5] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"x\.parquet cannot be read as Parquet \(.*CRC"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html>", "looks like an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1", "only a Git LFS pointer"),
        (b"PAR1 nothing", "cannot be read as Parquet"),
        (b"\x1b]0;PAR1", "cannot be read as Parquet"),
    ],
)
def test_file_that_is_no_parquet_is_refused(read, tmp_path: Path, content, message: str) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message):
        read(path)


def test_several_foreign_folders_ask_for_one_of_them(read, tmp_path: Path) -> None:
    write(tmp_path / "en/a.parquet", [0, 1])
    write(tmp_path / "de/a.parquet", [0, 1])

    with pytest.raises(DataError, match=r"in 2 folders \(de, en\)"):
        read(tmp_path)


def test_label_that_is_no_text_is_refused(read, tmp_path: Path) -> None:
    words = pa.array([b"a", b"\xff\xfe"], pa.binary()).view(pa.string())

    with pytest.raises(DataError, match=r"x\.parquet: a label is not text in UTF-8"):
        read(write(tmp_path / "x.parquet", words))


def test_path_that_is_no_text_matters_to_nobody(read, tmp_path: Path) -> None:
    paths = pa.array([b"a", b"\xff\xfe"], pa.binary()).view(pa.string())
    images = pa.StructArray.from_arrays([pa.array([png(1), png(2)]), paths], ["bytes", "path"])

    _, read_images = read(write(tmp_path / "x.parquet", [0, 1], images))

    assert read_images["whole"][:, 0, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("odd", [5, 2**60, [1, 300], "text"])
def test_bytes_of_another_type_are_refused_by_it(read, tmp_path: Path, odd: object) -> None:
    with pytest.raises(
        DataError, match=r"column 'image' \(binary, or a struct with bytes\), found"
    ):
        read(write(tmp_path / "x.parquet", [0, 1], [{"bytes": odd}] * 2))


def test_metadata_nested_without_end_are_ignored(read, tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [0, 1], meta={b"huggingface": b"[" * 100_000})

    assert read(path)[0].class_names == ("0", "1")


@pytest.mark.parametrize("column", ["image", "label"])
def test_column_of_fewer_rows_than_are_stated_is_refused(
    read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    def cut(file: pq.ParquetFile, rows: int, columns: list[str]) -> object:
        batches = read_batches(file, rows, columns=columns)
        return (batch.slice(1 if columns == [column] else 0) for batch in batches)

    read_batches = pq.ParquetFile.iter_batches
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", cut)

    with pytest.raises(DataError, match=f"its column '{column}' does not hold the 3 rows"):
        read(write(tmp_path / "x.parquet", [0, 1, 0]))
