import numpy as np
import pyarrow.parquet as pq
import pytest

from paired_answers import scores
from sightline.errors import StageError
from sightline.evaluation import predictions_table
from sightline.evaluation.predictions_table import Block
from sightline.registry.gate.scores import CANDIDATE, CHAMPION, Timing, read

TIMING = Timing(candidate_seconds=0.002, champion_seconds=0.001)


def test_pairs_are_counted_class_by_class():
    found = scores((3, 1, 10), (0, 2, 5), (0, 0, 0))
    assert [counts.tolist() for counts in found.by_class] == [[3, 0, 0], [1, 2, 0], [14, 7, 0]]
    assert found.pairs == (3, 3, 21)
    assert found.candidate.correct.sum() == found.champion.correct.sum() == 18


@pytest.mark.parametrize("damage", ["missing", "empty", "bit"])
def test_damaged_predictions_are_refused(tmp_path, damage):
    table = predictions_table.to_arrow(Block(0, np.array([0, 1]), np.eye(2, dtype=np.float32)))
    for path in (tmp_path / CANDIDATE, tmp_path / CHAMPION):
        pq.write_table(table, path, write_page_checksum=True, compression="none")
    assert read(tmp_path, ("a", "b"), TIMING).champion.label.tolist() == [0, 1]
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        changed = content[:30] + bytes([content[30] ^ 1]) + content[31:]
        path.write_bytes(b"" if damage == "empty" else changed)
    with pytest.raises(StageError, match=CHAMPION):
        read(tmp_path, ("a", "b"), TIMING)
