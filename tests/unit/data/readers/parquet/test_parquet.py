import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bad_files
from reading import check_unreadable, read_all

NOT_UTF8 = pa.array([b"a", b"\xff\xfe"], pa.binary()).view(pa.string())


def png(value):
    return bad_files.png(np.full((8, 8), value, np.uint8))


def metadata(names=("owl", "cat", "ant")):
    features = {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def write(path, labels, images=None, meta=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if images is None:
        images = [{"bytes": png(index), "path": f"{index}.png"} for index in range(len(labels))]
    table = pa.table({"image": images, "label": labels})
    pq.write_table(table.replace_schema_metadata(meta), path, **options)
    return path


def test_hugging_face_folder_is_read_exactly(tmp_path):
    for number in range(2):
        write(tmp_path / f"data/train-0000{number}-of-00002.parquet", [0, 1, 2], meta=metadata())
    write(tmp_path / "data/test-00000-of-00001.parquet", [2, 0], meta=metadata())
    raw, images = read_all(tmp_path)
    assert raw.class_names == ("owl", "cat", "ant")
    assert raw.image_shape == (8, 8, 1)
    assert raw.splits[0].labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 0, 1, 2]
    assert raw.splits[1].labels.tolist() == [2, 0]
    assert raw.splits[0].source(4) == "data/train-00001-of-00002.parquet#1"


@pytest.mark.parametrize("labels", [pa.array([*"baca"]), pa.array([*"baca"]).dictionary_encode()])
def test_single_file_with_strings_and_plain_bytes_is_unsplit(tmp_path, labels):
    encoded = [png(number) for number in range(4)]
    raw, images = read_all(write(tmp_path / "x.parquet", labels, encoded, row_group_size=2))
    assert raw.class_names == ("a", "b", "c")
    assert raw.splits[0].labels.tolist() == [1, 0, 2, 0]
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_splits_are_files_or_folders_and_others_are_noted(tmp_path):
    for name in ("train", "test", "extra"):
        write(tmp_path / f"{name}-0.parquet", [0, 1])
        write(tmp_path / f"folders/{name}/part.parquet", [3, 5])
    assert "extra-0.parquet" in read_all(tmp_path)[0].notes[0]
    raw, _ = read_all(tmp_path / "folders")
    assert raw.class_names == ("3", "5")
    assert raw.splits[1].labels.tolist() == [0, 1]
    assert "extra" in raw.notes[0]


def test_columns_are_configured_by_name(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"img": [png(1), png(2)], "kind": [0, 1]}), path)
    check_unreadable(path, "'label'", "img, kind", "data.label_column")
    check_unreadable(path, "'x'", "img, kind", "data.image_column", image_column="x")
    assert len(read_all(path, image_column="img", label_column="kind")[1]["unsplit"]) == 2


@pytest.mark.parametrize(
    ("labels", "images", "meta", "fact"),
    [
        ([0, 1], [{"bytes": None, "path": "a.png"}] * 2, None, "row 0 (counted from 0)"),
        ([0, 1], [{"path": "a.png"}] * 2, None, "'image'"),
        ([0, 1], [png(1), None], None, "row 1 (counted from 0): the image is missing"),
        ([0, 1], [png(1), b"GIF89a"], None, "row 1 (counted from 0) cannot be read"),
        ([0, None], None, None, "row 1 (counted from 0): the label is missing"),
        ([0.0, 0.5], None, None, "row 1"),
        ([0, 1, 3], None, metadata(), "row 2 (counted from 0): the label 3 "),
        ([0, -1], None, metadata(), "row 1 (counted from 0): the label -1 "),
        ([0, 1], None, metadata(["a", "a"]), "'a'"),
        (NOT_UTF8, None, None, "UTF-8"),
        *(
            ([0, 1], [{"bytes": value}] * 2, None, "'image'")
            for value in (5, 2**60, [1, 300], "text")
        ),
    ],
)
def test_malformed_row_is_refused(tmp_path, labels, images, meta, fact):
    check_unreadable(write(tmp_path / "x.parquet", labels, images, meta), "x.parquet", fact)


def test_flipped_bit_is_detected_by_page_checksums(tmp_path):
    image = png(1)
    options = {"compression": "none", "use_dictionary": False}
    options |= {"write_page_checksum": True, "write_statistics": False}
    path = write(tmp_path / "x.parquet", [0, 1], [image] * 2, **options)
    content = bytearray(path.read_bytes())
    content[content.index(image) + 40] ^= 1
    path.write_bytes(content)
    check_unreadable(path, "x.parquet", "CRC")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"<!DOCTYPE html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"PAR1 nothing", "Parquet"),
        (b"\x1b]0;PAR1", "Parquet"),
    ],
)
def test_file_that_is_not_parquet_is_refused(tmp_path, content, fact):
    path = tmp_path / "train.parquet"
    path.write_bytes(content)
    check_unreadable(path, str(path), fact)


def test_several_foreign_folders_ask_for_one_of_them(tmp_path):
    for name in ("en", "de"):
        write(tmp_path / name / "a.parquet", [0, 1])
    check_unreadable(tmp_path, "de, en", "path of one of them")


def test_strange_paths_and_metadata_are_ignored(tmp_path):
    images = pa.StructArray.from_arrays([pa.array([png(1), png(2)]), NOT_UTF8], ["bytes", "path"])
    nested = {b"huggingface": b"[" * 100_000}
    raw, found = read_all(write(tmp_path / "x.parquet", [0, 1], images, nested))
    assert found["unsplit"][:, 0, 0, 0].tolist() == [1, 2]
    assert raw.class_names == ("0", "1")


@pytest.mark.parametrize("column", ["image", "label"])
def test_column_with_fewer_rows_than_stated_is_refused(tmp_path, monkeypatch, column):
    def cut(file, rows, columns):
        batches = read_batches(file, rows, columns=columns)
        return (batch.slice(1 if columns == [column] else 0) for batch in batches)

    read_batches = pq.ParquetFile.iter_batches
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", cut)

    check_unreadable(write(tmp_path / "x.parquet", [0, 1, 0]), f"'{column}'", "3 rows")


def test_names_in_another_order_in_shards_and_splits_are_mapped_by_name(tmp_path):
    numbered = {"owl": 0, "cat": 1, "caf\xe9": 2}, {"caf\xe9": 0, "owl": 1, "cat": 2}
    animals = ["cat", "owl", "caf\xe9"]
    for split in ("train", "test"):
        for shard, numbers in enumerate(numbered if split == "train" else numbered[1:]):
            names = list(numbers) if split == "train" else ["cafe\u0301 ", "owl", "cat"]  # NFD
            labels = [numbers[animal] for animal in animals]
            write(tmp_path / f"{split}-{shard}.parquet", labels, meta=metadata(names))
    raw, _ = read_all(tmp_path)
    assert raw.class_names == ("owl", "cat", "caf\xe9")
    assert raw.splits[0].labels.tolist() == [1, 0, 2, 1, 0, 2]
    assert raw.splits[1].labels.tolist() == [1, 0, 2]
    assert "2 of 3 Parquet files" in " ".join(raw.notes)


@pytest.mark.parametrize(
    "labels",
    [pa.array([2, 0, 2**64 - 7], pa.uint64()), pa.array([2, 0, 7]).dictionary_encode()],
)
def test_renumbered_label_out_of_range_is_refused_with_its_row(tmp_path, labels):
    write(tmp_path / "train.parquet", [0, 1, 2], meta=metadata())
    other = metadata(["ant", "cat", "owl"])
    write(tmp_path / "test.parquet", labels, meta=other)
    check_unreadable(tmp_path, "test.parquet, row 2", "0 to 2")


def test_names_that_differ_are_refused_with_both_files(tmp_path):
    write(tmp_path / "train.parquet", [0, 1, 2], meta=metadata())
    write(tmp_path / "test.parquet", [0, 1], meta=metadata(["cat", "fox", "owl"]))
    check_unreadable(tmp_path, "train.parquet", "test.parquet", "'ant'", "'fox'", "ClassLabel")
    write(tmp_path / "test.parquet", [0, 1], meta=metadata(["cat", "owl"]))
    check_unreadable(tmp_path, "'ant' only in the first", "none only in the second")


@pytest.mark.parametrize("named", ["train", "test"])
def test_numbers_without_names_beside_names_are_refused_and_text_is_a_name(tmp_path, named):
    other = "test" if named == "train" else "train"
    write(tmp_path / f"{named}.parquet", [2, 1, 0], meta=metadata())
    for numbers in ([2, 1, 0], pa.array([2, 1, 0]).dictionary_encode()):
        write(tmp_path / f"{other}.parquet", numbers)
        check_unreadable(tmp_path, f"{other}.parquet", f"{named}.parquet", "ClassLabel")
    write(tmp_path / f"{other}.parquet", ["ant", "cat ", "owl"])
    raw, _ = read_all(tmp_path)
    assert raw.class_names == ("owl", "cat", "ant")
    assert [split.labels.tolist() for split in raw.splits] == [[2, 1, 0]] * 2


def test_categories_without_rows_are_no_classes(tmp_path):
    kinds = pa.DictionaryArray.from_arrays([0, 2, 0], ["cat", "fox", "owl"])
    raw, _ = read_all(write(tmp_path / "x.parquet", kinds))
    assert raw.class_names == ("cat", "owl")
