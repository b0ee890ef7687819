"""The data sets that other tests damage are accepted undamaged."""

from pathlib import Path

import pytest

import bad_files as bad
from bad_files import Write
from fuzzing import read_or_refuse


@pytest.mark.parametrize("write", [bad.idx(), bad.npz(), bad.parquet(), bad.csv(), bad.images()])
def test_undamaged_data_set_is_accepted_within_the_bounds(tmp_path: Path, write: Write) -> None:
    assert read_or_refuse(write(tmp_path))
