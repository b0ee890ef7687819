import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sightline.data.validation.findings import (
    ExampleIndex,
    Finding,
    FindingRows,
    Place,
    read_findings,
    select_findings,
    write_findings,
)

LEAKS = FindingRows("leak", np.array([6, 8]), np.array([2, 0]), np.array([0, 0]))
NEAR = FindingRows("near_duplicate", np.array([3, 5, 9]), np.array([0, 2, 6]), np.array([5, 1, 5]))
NONE = FindingRows("duplicate", np.array([], np.int64))
BLANK = FindingRows("blank", np.array([4]))


@pytest.fixture
def index(tmp_path):
    table = tmp_path / "labels.parquet"
    sources = [f"photos/{number}.png" for number in range(10)]
    pq.write_table(pa.table({"source": sources}), table, row_group_size=4, write_page_checksum=True)
    labels = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 2], np.int16)
    return ExampleIndex(sizes={"train": 6, "test": 4}, labels=labels, table=table)


@pytest.fixture
def table(tmp_path, index):
    path = tmp_path / "findings.parquet"
    write_findings(path, [LEAKS, NEAR, NONE, BLANK], index)
    return path


def test_every_finding_is_a_row_with_split_index_and_label(table):
    rows = pq.read_table(table).to_pylist()
    assert len(rows) == 6
    image = {"split": "test", "index": 0, "label": 2, "source": "photos/6.png"}
    other = {"split": "train", "index": 2, "label": 2, "source": "photos/2.png"}
    others = {f"other_{name}": value for name, value in other.items()}
    assert rows[0] == {"kind": "leak", **image, **others, "distance": 0}
    assert rows[-1]["kind"] == "blank"
    assert rows[-1]["other_split"] is rows[-1]["other_source"] is rows[-1]["distance"] is None
    assert [row["source"] for row in rows[2:]] == [f"photos/{n}.png" for n in (5, 3, 9, 4)]


def test_findings_are_read_by_kind_smallest_distance_first(table):
    found = read_findings(table, 2)
    assert list(found) == ["leak", "near_duplicate", "blank"]
    assert [one.distance for one in found["near_duplicate"]] == [1, 5]
    assert found["near_duplicate"][0] == Finding(
        "near_duplicate",
        Place("train", 5, 2, "photos/5.png"),
        Place("train", 2, 2, "photos/2.png"),
        1,
    )
    assert found["blank"] == [Finding("blank", Place("train", 4, 1, "photos/4.png"), None, None)]


def test_selected_findings_are_of_every_kind(table):
    kinds = [one.kind for one in select_findings(table, 4)]
    assert kinds == ["leak", "leak", "near_duplicate", "blank"]
    assert len(select_findings(table, 99)) == 6


def test_empty_table_has_its_columns(tmp_path, index):
    path = tmp_path / "findings.parquet"
    write_findings(path, [NONE], index)
    assert pq.read_schema(path).names[:4] == ["kind", "split", "index", "label"]
    assert read_findings(path, 3) == {}
    assert select_findings(path, 3) == []


def test_examples_are_counted_by_split(index):
    assert index.count(np.array([0, 1, 9])) == {"train": 2, "test": 1}
    assert index.count(np.array([], np.int64)) == {"train": 0, "test": 0}


def test_damaged_table_is_detected(table):
    column = pq.read_metadata(table).row_group(0).column(2)
    content = bytearray(table.read_bytes())
    content[(column.dictionary_page_offset or column.data_page_offset) + 30] ^= 1
    table.write_bytes(content)
    with pytest.raises(OSError, match=r"CRC|deserialize"):
        read_findings(table, 1)
