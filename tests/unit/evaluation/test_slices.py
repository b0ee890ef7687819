import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from sightline.errors import ConfigError
from sightline.evaluation import slices
from sightline.evaluation.slices import accuracy_by_value


def table(path, row_group_size=4, **columns):
    """A label table with five training images before the test images of `columns`."""
    count = len(next(iter(columns.values())))
    described = {"split": ["train"] * 5 + ["test"] * count}
    described |= {name: [values[0]] * 5 + values for name, values in columns.items()}
    path = path / "labels.parquet"
    pq.write_table(pa.table(described), path, row_group_size=row_group_size)
    return path


def rows(measured):
    return [(row.column, row.value, row.images, row.accuracy) for row in measured]


def test_values_are_measured_most_frequent_first(tmp_path, monkeypatch):
    monkeypatch.setattr(slices, "_ROWS", 3)
    path = table(tmp_path, camera=["b", "a", "b", "c", "b", "a"], label=[0, 0, 0, 0, 0, 1])
    correct = np.array([True, True, False, False, False, True])
    measured = accuracy_by_value(path, "test", ["camera", "label", "split"], correct)
    assert rows(measured) == [
        ("camera", "b", 3, 1 / 3),
        ("camera", "a", 2, 1.0),
        ("camera", "c", 1, 0.0),
        ("label", "0", 5, 0.4),
        ("label", "1", 1, 1.0),
        ("split", "test", 6, 0.5),
    ]
    interval = binomtest(1, 3).proportion_ci(0.95, method="wilson")
    assert measured[0].interval == (interval.low, interval.high)


def test_missing_values_form_a_slice_of_their_own(tmp_path):
    path = table(tmp_path, site=[None, "nan", None, "", "None", None], empty=[None] * 6)
    correct = np.array([True, False, True, True, True, False])
    assert rows(accuracy_by_value(path, "test", ["site", "empty"], correct)) == [
        ("site", "(none)", 3, 2 / 3),
        ("site", "nan", 1, 0.0),
        ("site", "", 1, 1.0),
        ("site", "None", 1, 1.0),
        ("empty", "(none)", 6, 4 / 6),
    ]


def test_values_beyond_fifty_share_a_row(tmp_path):
    values = [f"image {number}" for number in range(200)] + ["often"] * 3
    path = table(tmp_path, row_group_size=64, source=values)
    correct = np.arange(203) % 2 == 0
    measured = accuracy_by_value(path, "test", ["source"], correct)
    assert len(measured) == 51
    assert rows(measured[:2]) == [("source", "often", 3, 2 / 3), ("source", "image 0", 1, 1.0)]
    assert rows(measured[-1:]) == [("source", "(other)", 151, 75 / 151)]
    assert sum(row.images for row in measured) == 203
    assert round(sum(row.images * row.accuracy for row in measured)) == correct.sum()


def test_only_a_column_of_the_ingested_table_can_be_measured(run, files):
    correct = np.arange(40) % 4 > 0  # labels go 0, 1, 2, 3
    measured = accuracy_by_value(
        run.workspace.root / files.labels.path, "test", ["class_name"], correct
    )
    assert rows(measured) == [
        ("class_name", str(label), 10, float(label > 0)) for label in range(4)
    ]
    slices.check(run.workspace, files, ["class_name", "source", "index"])
    with pytest.raises(ConfigError, match=r"evaluation\.slices names 'camera'.*class_name, source"):
        slices.check(run.workspace, files, ["source", "camera"])
