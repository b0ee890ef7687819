import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sightline.config import TrainingConfig
from sightline.errors import DeviceError, KerasProcessError, StageError
from sightline.pipeline.process import KerasProcess, _environment
from sightline.pipeline.progress import Progress, listening
from sightline.records import DeviceReport

TESTS = Path(__file__).parents[2] / "support"
SETTINGS = TrainingConfig(epochs=1)


@pytest.fixture(scope="module")
def process() -> Iterator[KerasProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        process = KerasProcess()
        yield process
        process.close()


def call(process: KerasProcess, function: str) -> DeviceReport:
    return process.call("stand_in_stage", function, DeviceReport, SETTINGS)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_until_gone(pid: int) -> None:
    while is_running(pid):
        os.sched_yield()


def test_answers_come_from_one_other_process(
    process: KerasProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[Progress] = []
    with listening(seen.append):
        first = call(process, "report_progress")
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert seen[0].facts == {"loss": 0.5}
    assert int(first.device) != os.getpid()
    assert call(process, "report_progress") == first
    assert capfd.readouterr() == ("", "")


def test_child_that_was_started_for_other_towers_is_replaced(
    process: KerasProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call(process, "report_progress").device
    monkeypatch.setattr(process, "ghost_batches", 2)
    assert call(process, "report_progress").device != first
    wait_until_gone(int(first))


def test_our_own_errors_arrive_as_they_were_raised(process: KerasProcess) -> None:
    wish = TrainingConfig(epochs=1, device="gpu")
    with pytest.raises(DeviceError, match="sees no GPU"):
        process.call("sightline.training.device", "inspect", DeviceReport, wish)
    report = process.call("sightline.training.device", "inspect", DeviceReport, SETTINGS)
    assert report.device.startswith("cpu")


def test_unforeseen_errors_become_stage_errors_with_a_logged_traceback(
    process: KerasProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StageError, match="Stage fail stopped on ZeroDivisionError: by hand"):
        call(process, "fail")
    assert "Traceback" in caplog.text


def test_dead_child_is_reported_and_replaced(
    process: KerasProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(KerasProcessError, match="died in stage die with exit code 3"),
    ):
        call(process, "die")
    assert "last words" in caplog.text
    assert call(process, "report_progress").device


def test_killed_child_is_reported_with_a_hint(process: KerasProcess) -> None:
    def kill(progress: Progress) -> None:
        assert process._child is not None
        os.kill(process._child._process.pid, signal.SIGKILL)

    with (
        listening(kill),
        pytest.raises(KerasProcessError, match=r"signal 9 \(out of memory\?.*batch_size"),
    ):
        call(process, "sleep")


def test_interrupted_call_ends_the_child(process: KerasProcess) -> None:
    pids: list[int] = []

    def interrupt(progress: Progress) -> None:
        assert process._child is not None
        pids.append(process._child._process.pid)
        raise TimeoutError("as Prefect raises it")

    with listening(interrupt), pytest.raises(TimeoutError):
        call(process, "sleep")
    assert not is_running(pids[0])
    assert call(process, "report_progress").device != str(pids[0])


def test_file_in_the_users_folder_does_not_stand_in_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    process = KerasProcess()
    report = process.call("sightline.training.device", "inspect", DeviceReport, SETTINGS)
    process.close()
    assert report.environment["backend"]


def test_gpu_is_hidden_where_the_cpu_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert _environment(verbose=False, use_gpu=False)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert _environment(verbose=False, use_gpu=True)["CUDA_VISIBLE_DEVICES"] == "0"


def test_operations_keep_to_the_cores_of_their_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.pipeline.process.cores", lambda: 8)
    name = "TF_NUM_INTRAOP_THREADS"
    monkeypatch.delenv(name, raising=False)
    threads = [
        _environment(False, True, ghost_batches).get(name) for ghost_batches in (1, 2, 3, 64)
    ]
    assert threads == [None, "4", "2", "1"]
    monkeypatch.setenv(name, "5")
    assert _environment(False, True, ghost_batches=2)[name] == "5"


def test_child_of_a_killed_parent_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    program = (
        "from sightline.pipeline.process import keras_process\n"
        "from sightline.config import TrainingConfig\n"
        "from sightline.pipeline.progress import listening\n"
        "from sightline.records import DeviceReport\n"
        "process = keras_process()\n"
        "show = lambda progress: print(process._child._process.pid, flush=True)\n"
        "with listening(show):\n"
        "    process.call('stand_in_stage', 'sleep', DeviceReport, TrainingConfig(epochs=1))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        parent.wait()
    wait_until_gone(pid)


def test_importing_keras_leaves_out_what_nobody_calls_and_hides_it_from_nobody() -> None:
    script = """
import gc, sys
from sightline.pipeline import worker
worker._import_keras()
print(sorted({"keras", "matplotlib", "sklearn"} & set(sys.modules)), gc.isenabled())
import matplotlib, sklearn
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['keras'] True\n", done.stderr
    assert done.returncode == 0
