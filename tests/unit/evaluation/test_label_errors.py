import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data import split_arrays
from sightline.evaluation import label_errors
from sightline.pipeline.progress import Progress, listening

COUNT = 500
NAMES = ("zero", "one", "two", "three")
TRUE_LABELS = np.random.default_rng(0).integers(0, 4, COUNT).astype(np.int16)
PERCENT = np.random.default_rng(1).integers(96, 100, COUNT)
IMAGES = np.stack([TRUE_LABELS, PERCENT], axis=1).astype(np.uint8).reshape(COUNT, 1, 2, 1)
"""Each image holds its true class and the model's confidence in per cent."""


def predict(images):
    classes, confidence = images[:, 0, 0, 0].astype(int), images[:, 0, 1, 0] / 100
    probabilities = np.repeat((1 - confidence)[:, np.newaxis] / 3, 4, axis=1)
    probabilities[np.arange(len(images)), classes] = confidence
    return probabilities.astype(np.float32)


RNG = np.random.default_rng(2)
FLIPPED = np.sort(RNG.choice(COUNT, 40, replace=False))
LABELS = TRUE_LABELS.copy()
LABELS[FLIPPED] = (LABELS[FLIPPED] + RNG.integers(1, 4, 40)) % 4
"""The labels, of which forty are wrong."""
EVEN, ODD = np.arange(0, COUNT, 2), np.arange(1, COUNT, 2)
SOURCE = [label_errors.Source(predict, IMAGES[rows], rows) for rows in (EVEN, ODD)]


def test_flipped_labels_are_found_the_largest_margin_first(monkeypatch):
    monkeypatch.setattr(split_arrays, "BLOCK_BYTES", 2 * 33)
    events: list[Progress] = []
    with listening(events.append):
        found = label_errors.find(SOURCE, LABELS, 0.95).to_pydict()
    assert sorted(found["index"]) == FLIPPED.tolist()
    assert found["label"] == LABELS[found["index"]].tolist()
    assert found["predicted"] == TRUE_LABELS[found["index"]].tolist()
    assert (events[-1].done, events[-1].total) == (COUNT // 2, COUNT // 2)
    margins = np.subtract(found["probability"], found["label_probability"])
    order = sorted(zip(-margins, found["index"], strict=True))
    assert found["index"] == [index for _, index in order]
    assert len(set(margins.tolist())) < len(margins)


def test_confidence_below_the_threshold_does_not_count():
    found = label_errors.find(SOURCE, LABELS, 0.98)["index"].to_pylist()
    assert sorted(found) == FLIPPED[PERCENT[FLIPPED] >= 98].tolist()
    assert 0 < len(found) < len(FLIPPED)


def test_table_is_read_as_it_was_written(tmp_path):
    path, label_table = tmp_path / "errors.parquet", tmp_path / "labels.parquet"
    pq.write_table(pa.table({"source": [f"{number}.png" for number in range(COUNT)]}), label_table)
    found = label_errors.find(SOURCE, LABELS, 0.95)
    label_errors.write(path, found, label_table)
    written = pq.read_table(path)
    assert written.drop(["source"]) == found
    assert written["source"].to_pylist() == [f"{index}.png" for index in found["index"].to_pylist()]
    assert found.schema.names == ["index", "label", "predicted", "probability", "label_probability"]
    assert [str(kind) for kind in found.schema.types] == ["int64"] * 3 + ["float"] * 2
    first, *others = label_errors.read(path, NAMES, 5)
    assert len(others) == 4
    row = found.slice(0, 1).to_pylist()[0]
    assert (first.index, first.probability) == (row["index"], row["probability"])
    assert first.source == f"{first.index}.png"
    assert (first.label, first.predicted) == (NAMES[row["label"]], NAMES[row["predicted"]])
    assert label_errors.read(path, NAMES, 0) == ()
    assert len(label_errors.read(path, NAMES, 1000)) == 40
    none = label_errors.find(SOURCE, TRUE_LABELS, 0.95)
    label_errors.write(path, none, label_table)
    assert pq.read_table(path).num_rows == 0
    assert label_errors.read(path, NAMES, 24) == ()
