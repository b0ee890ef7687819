from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from paired_answers import scores
from sightline.errors import StageError
from sightline.evaluation import predictions_table
from sightline.evaluation.predictions_table import Block
from sightline.registry.gate.scores import CANDIDATE, CHAMPION, Timing, read

TIMING = Timing(candidate_seconds=0.002, champion_seconds=0.001)
PROBABILITIES = np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, probabilities in ((CANDIDATE, PROBABILITIES), (CHAMPION, PROBABILITIES[::-1])):
        rows = predictions_table.to_arrow(Block(0, np.array([0, 1]), probabilities))
        pq.write_table(rows, tmp_path / name, write_page_checksum=True, compression="none")
    return tmp_path


def test_pairs_are_counted_class_by_class() -> None:
    found = scores((3, 1, 10), (0, 2, 5), (0, 0, 0))
    assert [counts.tolist() for counts in found.by_class] == [[3, 0, 0], [1, 2, 0], [14, 7, 0]]
    assert found.pairs == (3, 3, 21)
    assert found.candidate.correct.sum() == found.champion.correct.sum() == 18


def test_predictions_of_both_models_are_read(folder: Path) -> None:
    found = read(folder, ("a", "b"), TIMING)
    assert found.candidate.confidence.tolist() == [0.75, 0.5]
    assert found.champion.confidence.tolist() == [0.5, 0.75]
    assert found.candidate.label.tolist() == found.champion.label.tolist() == [0, 1]


@pytest.mark.parametrize("damage", ["missing", "empty", "bit"])
def test_damaged_predictions_are_refused(folder: Path, damage: str) -> None:
    path = folder / CHAMPION
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"" if damage == "empty" else content)
    with pytest.raises(StageError, match=CHAMPION):
        read(folder, ("a", "b"), TIMING)
