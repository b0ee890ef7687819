import pytest

from painted import labelled, paint, write_labels
from reading import check_unreadable, read_all


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        (["1,a"], ["train/2.bmp", "labels.csv", "remove the image"]),
        (["1,a", "2,"], ["train/2.bmp", "labels.csv"]),
        (["1,a", "2,b", "1.bmp,b"], ["row 2", "'1.bmp'", "'a' and 'b'"]),
        (["1,a", "2,b", "3,a"], ["row 2", "'3'", "several"]),
        (["x.bmp,a"], ["train/1.bmp", "labels.csv"]),
    ],
)
def test_table_that_does_not_fit_the_images_is_refused(tmp_path, rows, facts):
    paint(tmp_path, "train/1.bmp", "train/2.bmp", "train/3.bmp", "test/3.bmp")
    write_labels(tmp_path / "labels.csv", *rows)
    check_unreadable(tmp_path, *facts)


@pytest.mark.parametrize(
    ("name", "content", "facts"),
    [
        ("labels.csv", b"file,breed\n1,a\n", ["labels.csv", "data.label_column"]),
        ("metadata.jsonl", b'{"file_name": "1.bmp"}\n[1]', ["metadata.jsonl"]),
        ("labels.csv", b"file,label\n1,\xff\n", ["labels.csv"]),
        ("metadata.jsonl", b'{"file_name": "1", "label": ["a"]}', ["metadata.jsonl, row 0"]),
    ],
)
def test_table_that_cannot_be_read_is_refused(tmp_path, name, content, facts):
    paint(tmp_path, "1.bmp", "2.bmp")
    (tmp_path / name).write_bytes(content)
    check_unreadable(tmp_path, *facts)


@pytest.mark.parametrize("label", ["nan", "NaN", "<NA>"])
def test_missing_label_that_pandas_wrote_is_no_class(tmp_path, label):
    paint(tmp_path, "train/1.bmp", "train/2.bmp", "train/3.bmp")
    write_labels(tmp_path / "labels.csv", "1,a", "2,b", f"3,{label}")
    check_unreadable(tmp_path, "train/3.bmp", "labels.csv", "add it there")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("name", "separator"), [("labels.csv", ";"), ("labels.tsv", "\t")])
def test_table_that_a_spreadsheet_wrote_labels_images(tmp_path, encoding, name, separator):
    paint(tmp_path, "train/1.bmp", "train/2.bmp")
    lines = ["file", "1.bmp", "2.bmp"], ["label", "caf\xe9", "th\xe9, glac\xe9"]
    text = "\r\n".join(map(separator.join, zip(*lines, strict=True)))
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert labelled(tmp_path)[0] == {"unsplit": {1: "caf\xe9", 2: "th\xe9, glac\xe9"}}


@pytest.mark.parametrize("prefix", ["/kaggle/input/pets/", "C:\\pets\\", "gs://pets/data/"])
def test_absolute_paths_of_another_machine_are_matched_by_folder_and_file(tmp_path, prefix):
    paint(tmp_path, "train/1.bmp", "train/2.bmp", "test/2.bmp")
    rows = [
        f"{prefix}{place},{label}"
        for place, label in zip(("train/1.bmp", "train\\2.bmp", "test/2.bmp"), "aba", strict=True)
    ]
    write_labels(tmp_path / "labels.csv", *rows)
    assert labelled(tmp_path)[0] == {"train": {1: "a", 2: "b"}, "test": {2: "a"}}
    write_labels(tmp_path / "labels.csv", *rows[:1], "/1.bmp,a", "/val/2.bmp,b")
    check_unreadable(tmp_path, "train/2.bmp", "labels.csv", "such as '/1.bmp'")


@pytest.mark.parametrize("flags", [("1.0", "0.0"), ("1", "0"), ("True", "False")])
def test_table_with_a_column_per_class_labels_images_with_a_note(tmp_path, flags):
    one, zero = flags
    paint(tmp_path, "train/1.bmp", "train/2.bmp", "train/3.bmp")
    rows = [f"1,{one},{zero}", f"2,{zero},{one}", f"3,{one},{zero}"]
    write_labels(tmp_path / "labels.csv", *rows, header="image,MEL,nv")
    raw, _ = read_all(tmp_path)
    assert labelled(tmp_path)[0] == {"unsplit": {1: "MEL", 2: "nv", 3: "MEL"}}
    assert "Taken as one-hot labels: the columns of labels.csv." in raw.notes
    assert "one-hot columns of labels.csv" in raw.origin.labels
    write_labels(tmp_path / "labels.csv", *rows[:2], f"3,{one},{one}", header="image,MEL,nv")
    check_unreadable(tmp_path, "labels.csv, row 2", "a single 1", "data.label_column")
    write_labels(tmp_path / "labels.csv", *rows, header="image,MEL,file")
    check_unreadable(tmp_path, "labels.csv has no column of labels")


def test_blank_lines_between_and_after_the_rows_are_skipped(tmp_path):
    paint(tmp_path, "train/1.bmp", "train/2.bmp")
    rows = [
        '{"file_name": "1.bmp", "label": "a"}',
        "",
        '{"file_name": "2.bmp", "label": "b"}',
        "\n",
    ]
    (tmp_path / "train" / "metadata.jsonl").write_text("\n".join(rows))
    assert labelled(tmp_path) == ({"unsplit": {1: "a", 2: "b"}}, "")
