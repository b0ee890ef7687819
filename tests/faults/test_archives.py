"""Hostile files run nothing, write nothing outside and fill no memory."""

import pytest

from command import BIN, check_refused, execute
from hostile_input import FEW_THREADS, HOSTILE, limit_memory
from hostile_records import RECORDS, TARS


@pytest.mark.campaign
@pytest.mark.parametrize("case", HOSTILE + TARS + RECORDS, ids=lambda case: case.name)
def test_hostile_input_is_refused_and_touches_nothing(environment, tmp_path, case):
    command = [BIN / "sightline", *case.arguments(tmp_path / "given")]
    before = tree(tmp_path)

    done = execute(
        *command,
        f"--artifacts={tmp_path}/artifacts",
        env=environment | FEW_THREADS,
        preexec_fn=limit_memory,
    )

    check_refused(done, *case.facts)
    assert tree(tmp_path) == before


def tree(folder):
    """Return the paths below a folder and their modification times, except locks."""
    return {
        str(path): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_symlink() or (path.is_file() and path.suffix != ".lock") or path.name == "canary"
    }
