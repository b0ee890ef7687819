"""Hostile files run nothing, write nothing outside and fill no memory."""

import pytest

from command import check_refused
from hostile_input import HOSTILE
from hostile_records import RECORDS, TARS
from limited_commands import run_all

pytestmark = pytest.mark.campaign

CASES = {case.name: case for case in HOSTILE + TARS + RECORDS}


@pytest.fixture(scope="module")
def refused(environment, tmp_path_factory):
    """The folder of each case as it was before, and what the command said."""
    folders = {name: tmp_path_factory.mktemp(name) for name in CASES}
    commands = [
        [*CASES[name].arguments(folder / "given"), f"--artifacts={folder}/artifacts"]
        for name, folder in folders.items()
    ]
    before = {name: (folder, tree(folder)) for name, folder in folders.items()}
    return before, dict(zip(folders, run_all(commands, environment), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_hostile_input_is_refused_and_touches_nothing(refused, name):
    before, done = refused
    check_refused(done[name], *CASES[name].facts)
    folder, paths = before[name]
    assert tree(folder) == paths


def tree(folder):
    """Return the paths below a folder and their modification times, except locks."""
    return {
        str(path): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_symlink() or (path.is_file() and path.suffix != ".lock") or path.name == "canary"
    }
