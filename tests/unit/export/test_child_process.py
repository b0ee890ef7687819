import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import StageError
from sightline.export import certify, child_process, replay
from sightline.export.child_process import ProgramError
from sightline.export.golden import Golden
from sightline.records import FileRecord

RECORDS = (FileRecord(path="model.keras", sha256="0" * 64, bytes=1),)


@pytest.fixture
def hanging(tmp_path: Path) -> list[str]:
    """Arguments of a replay that waits for images that never come."""
    os.mkfifo(tmp_path / "golden.npy")
    return ["keras", str(tmp_path / "model.keras"), str(tmp_path / "golden.npy"), str(tmp_path)]


def children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


@pytest.fixture
def killed_with() -> Iterator[list[signal.Signals]]:
    """Sends a signal to the next process that this one starts."""
    chosen: list[signal.Signals] = []
    before, ended = children(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            for child in children() - before if chosen else ():
                os.kill(child, chosen[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield chosen
    ended.set()
    watcher.join()


def test_process_that_hangs_is_ended_and_decides_nothing(hanging: list[str]) -> None:
    before = children()
    with pytest.raises(StageError, match=r"replay \(keras, .*did not end within 2 seconds"):
        child_process.run("replay", *hanging, seconds=2)
    assert children() == before


def test_process_that_is_killed_decides_nothing(
    hanging: list[str], killed_with: list[signal.Signals]
) -> None:
    killed_with.append(signal.SIGKILL)
    with pytest.raises(StageError, match="was killed, as happens where memory runs out"):
        child_process.run("replay", *hanging)


def test_process_that_crashes_is_a_form_that_failed(
    hanging: list[str], killed_with: list[signal.Signals]
) -> None:
    killed_with.append(signal.SIGSEGV)
    with pytest.raises(ProgramError, match="its process died with signal 11"):
        child_process.run("replay", *hanging)


def test_exception_is_told_in_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "golden.npy", np.zeros((2, 8, 8, 1), np.uint8))
    with pytest.raises(ProgramError, match=r"^ModelFileError: .*there is no such file") as raised:
        child_process.run(
            "replay", "keras", str(tmp_path / "\x1b[31m"), str(tmp_path / "golden.npy"), "."
        )
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.usefixtures("in_process")
def test_model_that_cannot_be_loaded_does_not_pass(tmp_path: Path) -> None:
    np.save(tmp_path / "golden.npy", np.zeros((2, 8, 8, 1), np.uint8))
    (tmp_path / "model.keras").write_bytes(b"garbage")
    golden = Golden(tmp_path / "golden.npy", "0" * 64, np.zeros((2, 4), np.float32))
    check = certify.check("keras", tmp_path / "model.keras", RECORDS, golden, 1)
    assert not check.passed
    assert check.problem is not None
    assert check.problem.startswith("keras cannot be used: ModelFileError")
    assert (check.difference, check.agreement) == (1, 0)


def test_process_ends_with_its_parent(hanging: list[str]) -> None:
    script = (
        "import sys; from sightline.export import child_process; "
        "child_process.run('replay', *sys.argv[1:])"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, *hanging])
    mine = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    while not mine.read_text():
        time.sleep(0.05)
    child = int(mine.read_text())
    parent.kill()
    parent.wait()
    while Path(f"/proc/{child}").exists() and "Z" not in state(child):
        time.sleep(0.05)


def state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("images", "sizes"),
    [(1, [1]), (2, [1, 1]), (3, [1, 2]), (10, [1, 2, 4, 3]), (11, [1, 2, 4, 4])],
)
def test_batches_are_of_several_sizes(images: int, sizes: list[int]) -> None:
    found = list(replay.batches(images, 4))
    assert [rows.stop - rows.start for rows in found] == sizes
    assert [row for rows in found for row in range(rows.start, rows.stop)] == list(range(images))


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (np.full((2, 4), np.nan, np.float32), "not finite"),
        (np.zeros((2, 4)), r"expected probabilities float32\[2, 4\], got float64\[2, 4\]"),
        (np.zeros((2, 3), np.float32), r"float32\[2, 4\], got float32\[2, 3\]"),
    ],
)
def test_answers_that_cannot_be_compared_are_refused(
    tmp_path: Path, answers: np.ndarray, problem: str
) -> None:
    golden = Golden(tmp_path / "golden.npy", "0" * 64, np.zeros((2, 4), np.float32))
    np.save(tmp_path / "probabilities.npy", answers)
    with pytest.raises(ProgramError, match=problem):
        certify._probabilities(tmp_path / "probabilities.npy", golden)


def test_answers_are_never_unpickled(tmp_path: Path) -> None:
    golden = Golden(tmp_path / "golden.npy", "0" * 64, np.zeros((2, 4), np.float32))
    np.save(tmp_path / "probabilities.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(ProgramError, match="cannot be read"):
        certify._probabilities(tmp_path / "probabilities.npy", golden)
