"""Hostile files run nothing, write nothing outside and fill no memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from bad_input import Case
from command import Completed
from hostile_input import FEW_THREADS, HOSTILE, limit_memory
from refusal import check_refused

pytestmark = pytest.mark.campaign

BIN = Path(sys.executable).parent


def limited(command: list[str], environment: dict[str, str]) -> Completed:
    """Run a command with limited memory."""
    return subprocess.run(
        command,
        env={**environment, **FEW_THREADS},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory,
    )


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_hostile_input_is_refused_and_touches_nothing(
    environment: dict[str, str], tmp_path: Path, case: Case
) -> None:
    command = [str(BIN / "sightline"), *case.arguments(tmp_path / "given")]
    before = tree(tmp_path)

    done = limited([*command, f"--artifacts={tmp_path}/artifacts"], environment)

    check_refused(done, *case.facts)
    assert tree(tmp_path) == before


def tree(folder: Path) -> dict[str, int]:
    """Return the paths below a folder and their modification times, except locks."""
    return {
        str(path): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_symlink() or (path.is_file() and path.suffix != ".lock") or path.name == "canary"
    }
