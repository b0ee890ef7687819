import os
import signal
import threading

import numpy as np
import pytest

from processes import descendants, wait_for
from sightline.errors import StageError
from sightline.export import child_process
from sightline.export.child_process import ProgramError


@pytest.fixture
def hanging(tmp_path):
    """Arguments of a replay that waits for images forever."""
    os.mkfifo(tmp_path / "golden.npy")
    return ["keras", str(tmp_path / "model.keras"), str(tmp_path / "golden.npy"), str(tmp_path)]


def test_hanging_process_is_killed_and_decides_nothing(hanging):
    before = descendants(os.getpid())
    with pytest.raises(StageError, match=r"replay process \(keras, .* within 2 seconds"):
        child_process.run("replay", *hanging, seconds=2)
    assert descendants(os.getpid()) == before


@pytest.mark.parametrize(
    ("sent", "error"), [(signal.SIGKILL, StageError), (signal.SIGSEGV, ProgramError)]
)
def test_killed_process_decides_nothing_but_a_crash_is_a_failure(hanging, sent, error):
    before = set(descendants(os.getpid()))

    def kill():
        started = wait_for("child", lambda: set(descendants(os.getpid())) - before)
        for child in started:
            os.kill(child, sent)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(error, match=r"killed|signal 11"):
        child_process.run("replay", *hanging)
    killer.join()


def test_exception_becomes_one_printable_line(tmp_path):
    np.save(tmp_path / "golden.npy", np.zeros((2, 8, 8, 1), np.uint8))
    arguments = ("keras", str(tmp_path / "\x1b[31m"), str(tmp_path / "golden.npy"), ".")
    with pytest.raises(ProgramError, match=r"^ModelFileError: [^\n\x1b]*$"):
        child_process.run("replay", *arguments)
