import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stand_in_stage
from sightline.config import TrainingConfig
from sightline.errors import DeviceError, KerasProcessError, StageError
from sightline.pipeline.process import KerasProcess, ProcessSettings, _environment
from sightline.pipeline.progress import Progress, listening
from sightline.records import DeviceReport
from sightline.training import device

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


def call(process: KerasProcess, function: Callable[[TrainingConfig], DeviceReport]) -> DeviceReport:
    return process.run(function, SETTINGS)


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
        first = call(process, stand_in_stage.report_progress)
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert seen[0].facts == {"loss": 0.5}
    assert int(first.device) != os.getpid()
    assert call(process, stand_in_stage.report_progress) == first
    assert capfd.readouterr() == ("", "")


def test_child_that_was_started_with_other_settings_is_replaced(process: KerasProcess) -> None:
    first = call(process, stand_in_stage.report_progress).device
    process.configure(ProcessSettings(threads=1))
    assert call(process, stand_in_stage.report_progress).device != first
    wait_until_gone(int(first))


def test_our_own_errors_arrive_as_they_were_raised(process: KerasProcess) -> None:
    wish = TrainingConfig(epochs=1, device="gpu")
    with pytest.raises(DeviceError, match="sees no GPU"):
        process.run(device.inspect, wish)
    report = process.run(device.inspect, SETTINGS)
    assert report.device.startswith("cpu")


def test_unforeseen_errors_become_stage_errors_with_a_logged_traceback(
    process: KerasProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StageError, match="Stage fail stopped on ZeroDivisionError: by hand"):
        call(process, stand_in_stage.fail)
    assert "Traceback" in caplog.text


def test_dead_child_is_reported_and_replaced(
    process: KerasProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(KerasProcessError, match="died in stage die with exit code 3"),
    ):
        call(process, stand_in_stage.die)
    assert "last words" in caplog.text
    assert call(process, stand_in_stage.report_progress).device


def test_killed_child_is_reported_with_a_hint(process: KerasProcess) -> None:
    def kill(progress: Progress) -> None:
        assert process._child is not None
        os.kill(process._child.pid, signal.SIGKILL)

    with (
        listening(kill),
        pytest.raises(KerasProcessError, match=r"signal 9 \(out of memory\?.*batch_size"),
    ):
        call(process, stand_in_stage.sleep)


def test_interrupted_call_ends_the_child(process: KerasProcess) -> None:
    pids: list[int] = []

    def interrupt(progress: Progress) -> None:
        assert process._child is not None
        pids.append(process._child.pid)
        raise TimeoutError("as Prefect raises it")

    with listening(interrupt), pytest.raises(TimeoutError):
        call(process, stand_in_stage.sleep)
    assert not is_running(pids[0])
    assert call(process, stand_in_stage.report_progress).device != str(pids[0])


def test_gpu_is_hidden_where_the_cpu_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert _environment(False, ProcessSettings(use_gpu=False))["CUDA_VISIBLE_DEVICES"] == "-1"
    assert _environment(False, ProcessSettings())["CUDA_VISIBLE_DEVICES"] == "0"


def test_environment_of_the_user_wins_over_the_threads_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "TF_NUM_INTRAOP_THREADS"
    monkeypatch.delenv(name, raising=False)
    assert name not in _environment(False, ProcessSettings())
    assert _environment(False, ProcessSettings(threads=4))[name] == "4"
    monkeypatch.setenv(name, "5")
    assert _environment(False, ProcessSettings(threads=4))[name] == "5"


def test_child_of_a_killed_parent_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    program = (
        "from sightline.pipeline.process import keras_process\n"
        "from sightline.config import TrainingConfig\n"
        "import stand_in_stage\n"
        "from sightline.pipeline.progress import listening\n"
        "process = keras_process()\n"
        "show = lambda progress: print(process._child.pid, flush=True)\n"
        "with listening(show):\n"
        "    process.run(stand_in_stage.sleep, TrainingConfig(epochs=1))\n"
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
from sightline.pipeline.fast_import import quick_import
with quick_import():
    import keras
print(sorted({"keras", "matplotlib", "sklearn"} & set(sys.modules)), gc.isenabled())
import matplotlib, sklearn
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['keras'] True\n", done.stderr
    assert done.returncode == 0
