from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paired_answers import scores
from sightline.errors import StageError
from sightline.registry.gate.contest import Timing
from sightline.registry.gate.scores import COLUMNS, read

TIMING = Timing(candidate_seconds=0.002, champion_seconds=0.001)


def written(path: Path) -> Path:
    integers, floats = np.array([0, 1, 1]), np.array([0.5, 0.75, 1], dtype=np.float32)
    columns = {name: floats if "probability" in name else integers for name in COLUMNS}
    pq.write_table(pa.table(columns), path, write_page_checksum=True, compression="none")
    return path


def test_pairs_are_counted_class_by_class() -> None:
    found = scores((3, 1, 10), (0, 2, 5), (0, 0, 0))
    assert [counts.tolist() for counts in found.by_class] == [[3, 0, 0], [1, 2, 0], [14, 7, 0]]
    assert found.pairs == (3, 3, 21)
    assert found.candidate_right.sum() == found.champion_right.sum() == 18


def test_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = read(written(tmp_path / "answers.parquet"), ("a", "b"), TIMING)
    assert found.labels.tolist() == found.champion.predicted.tolist() == [0, 1, 1]
    assert found.candidate.probability.tolist() == [0.5, 0.75, 1]
    assert found.candidate.probability.dtype == np.float32
    assert (found.candidate.seconds, found.champion.seconds) == (0.002, 0.001)


@pytest.mark.parametrize("damage", ["gone", "empty", "bit"])
def test_damaged_answers_are_refused(tmp_path: Path, damage: str) -> None:
    path = written(tmp_path / "answers.parquet")
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.unlink()
    if damage != "gone":
        path.write_bytes(b"" if damage == "empty" else content)
    with pytest.raises(StageError, match=r"answers\.parquet cannot be read as Parquet"):
        read(path, ("a", "b"), TIMING)
