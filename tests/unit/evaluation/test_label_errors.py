from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sightline.evaluation import label_errors, predictions
from sightline.pipeline.progress import Progress, listening

COUNT = 500
NAMES = ("zero", "one", "two", "three")


def true_labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, COUNT).astype(np.int16)


def pixels() -> np.ndarray:
    """Make images that hold their true class and how sure it is, in per cent."""
    sure = np.random.default_rng(1).integers(96, 100, COUNT)
    return np.stack([true_labels(), sure], axis=1).astype(np.uint8).reshape(COUNT, 1, 2, 1)


def predict(images: np.ndarray) -> np.ndarray:
    classes, sure = images[:, 0, 0, 0].astype(int), images[:, 0, 1, 0] / 100
    probabilities = np.repeat((1 - sure)[:, np.newaxis] / 3, 4, axis=1)
    probabilities[np.arange(len(images)), classes] = sure
    return probabilities.astype(np.float32)


def flipped() -> tuple[np.ndarray, np.ndarray]:
    """Give forty images the label of another class; return the labels and who they are."""
    rng = np.random.default_rng(2)
    rows = np.sort(rng.choice(COUNT, 40, replace=False))
    labels = true_labels()
    labels[rows] = (labels[rows] + rng.integers(1, 4, 40)) % 4
    return labels, rows


def test_labels_flipped_on_purpose_are_all_found_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictions, "BLOCK_BYTES", 2 * 33)
    labels, rows = flipped()
    found = label_errors.find(predict, pixels(), labels, 0.95).to_pydict()
    assert sorted(found["index"]) == rows.tolist()
    assert found["label"] == labels[found["index"]].tolist()
    assert found["predicted"] == true_labels()[found["index"]].tolist()


def test_most_doubtful_label_comes_first_and_equal_ones_by_index() -> None:
    labels, _ = flipped()
    found = label_errors.find(predict, pixels(), labels, 0.95).to_pydict()
    exceeds = np.subtract(found["probability"], found["label_probability"])
    order = sorted(zip(-exceeds, found["index"], strict=True))
    assert found["index"] == [index for _, index in order]
    assert len(set(exceeds.tolist())) < len(exceeds)


def test_only_those_as_sure_as_the_threshold_count() -> None:
    labels, rows = flipped()
    found = label_errors.find(predict, pixels(), labels, 0.98).to_pydict()
    sure = pixels()[rows, 0, 1, 0]
    assert sorted(found["index"]) == rows[sure >= 98].tolist()
    assert 0 < len(found["index"]) < len(rows)


@pytest.fixture
def label_table(tmp_path: Path) -> Path:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"source": [f"{number}.png" for number in range(COUNT)]}), path)
    return path


def test_doubts_are_read_as_they_were_written(tmp_path: Path, label_table: Path) -> None:
    labels, _ = flipped()
    found = label_errors.find(predict, pixels(), labels, 0.95)
    label_errors.write(tmp_path / "doubts.parquet", found, label_table)
    written = pq.read_table(tmp_path / "doubts.parquet")
    assert written.drop(["source"]) == found
    assert written["source"].to_pylist() == [f"{index}.png" for index in found["index"].to_pylist()]
    assert found.schema.names == ["index", "label", "predicted", "probability", "label_probability"]
    assert [str(kind) for kind in found.schema.types] == ["int64"] * 3 + ["float"] * 2
    first, *others = label_errors.read(tmp_path / "doubts.parquet", NAMES, 5)
    assert len(others) == 4
    row = found.slice(0, 1).to_pylist()[0]
    assert (first.index, first.probability) == (row["index"], row["probability"])
    assert (first.label, first.predicted) == (NAMES[row["label"]], NAMES[row["predicted"]])
    assert label_errors.read(tmp_path / "doubts.parquet", NAMES, 0) == ()
    assert len(label_errors.read(tmp_path / "doubts.parquet", NAMES, 1000)) == 40


def test_no_doubt_is_an_empty_table(tmp_path: Path, label_table: Path) -> None:
    found = label_errors.find(predict, pixels(), true_labels(), 0.95)
    label_errors.write(tmp_path / "doubts.parquet", found, label_table)
    assert pq.read_table(tmp_path / "doubts.parquet").num_rows == 0
    assert label_errors.read(tmp_path / "doubts.parquet", NAMES, 24) == ()


def test_flipped_bit_in_the_table_is_noticed(tmp_path: Path, label_table: Path) -> None:
    path = tmp_path / "doubts.parquet"
    labels, _ = flipped()
    label_errors.write(path, label_errors.find(predict, pixels(), labels, 0.95), label_table)
    column = pq.read_metadata(path).row_group(0).column(3)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        label_errors.read(path, NAMES, 24)


def test_progress_counts_the_training_images() -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        label_errors.find(predict, pixels(), true_labels(), 0.95)
    assert (heard[-1].done, heard[-1].total) == (COUNT, COUNT)
