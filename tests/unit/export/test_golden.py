import numpy as np
import pyarrow.parquet as pq
import pytest

from sightline.errors import InputError
from sightline.export.golden import choose, gather


@pytest.mark.parametrize(
    ("images", "wanted", "rows"),
    [(10, 5, [0, 2, 4, 6, 8]), (10, 3, [0, 3, 6]), (3, 10, [0, 1, 2]), (1, 1, [0])],
)
def test_rows_are_spread_evenly_and_all_taken_where_there_are_fewer(images, wanted, rows):
    assert choose(images, wanted).tolist() == rows


def test_images_come_with_what_was_measured_on_them(measured, tmp_path):
    golden = gather(measured.run, measured.files, measured.evaluation, 7, tmp_path / "golden.npy")
    raw = np.load(measured.run.workspace.root / measured.files.images["test"].path)
    rows = choose(len(raw), 7)
    assert (np.load(golden.images) == raw[rows]).all()
    table = pq.read_table(measured.run.workspace.root / measured.evaluation.predictions.path)
    expected = np.stack([table[f"probability_{number}"].to_numpy() for number in range(4)], axis=1)
    assert (golden.probabilities == expected[rows]).all()
    assert golden.probabilities.dtype == np.float32


def test_other_predictions_or_those_of_other_images_are_refused(measured, tmp_path):
    path = tmp_path / "golden.npy"
    other = measured.evaluation.predictions.model_copy(update={"sha256": "0" * 64})
    evaluation = measured.evaluation.model_copy(update={"predictions": other})
    with pytest.raises(InputError, match=r"predictions\.parquet .*--refresh"):
        gather(measured.run, measured.files, evaluation, 7, path)
    test = measured.files.images["test"]
    fewer = test.model_copy(update={"shape": (3, *test.shape[1:])})
    files = measured.files.model_copy(update={"images": {"test": fewer}})
    with pytest.raises(InputError, match=r"predictions\.parquet .*expected 3 rows"):
        gather(measured.run, files, measured.evaluation, 2, path)
