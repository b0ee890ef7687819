import logging
import os
import signal
from pathlib import Path

import pytest

import stand_in_stage
from sightline.config import TrainingConfig
from sightline.errors import (
    DeviceError,
    KerasProcessError,
    NodeLostError,
    StageError,
    StoppedError,
)
from sightline.pipeline import worker
from sightline.pipeline.process import KerasProcess
from sightline.pipeline.process_settings import ProcessSettings
from sightline.pipeline.progress import Progress, listening
from sightline.training import device

SETTINGS = TrainingConfig(epochs=1)


@pytest.fixture(scope="module")
def process():
    """One process for all tests; those that end its child leave the next one to the next test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(stand_in_stage.__file__).parent))
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        process = KerasProcess()
        yield process
        process.close()


def child_pid(process):
    return process._child.pid


def test_answers_come_from_one_other_process(process, capfd):
    seen: list[Progress] = []
    with listening(seen.append):
        first = process.run(stand_in_stage.report_progress, SETTINGS)
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert seen[0].facts == {"loss": 0.5}
    assert int(first.device) == child_pid(process) != os.getpid()
    assert process.run(stand_in_stage.report_progress, SETTINGS) == first
    assert capfd.readouterr() == ("", "")


def test_our_own_errors_arrive_as_they_were_raised(process):
    with pytest.raises(DeviceError, match=r"training\.device.*sightline\[gpu\]"):
        process.run(device.inspect, TrainingConfig(epochs=1, device="gpu"))
    assert process.run(device.inspect, SETTINGS).device.startswith("cpu")


def test_other_errors_become_stage_errors_with_a_logged_traceback(process, caplog):
    with pytest.raises(StageError, match=r"fail.*ZeroDivisionError: by hand"):
        process.run(stand_in_stage.fail, SETTINGS)
    assert "Traceback" in caplog.text


def test_quick_import_hides_libraries_only_while_keras_is_imported(process):
    found = process.run(stand_in_stage.report_libraries, SETTINGS)
    assert found.device == "['keras'] True"


@pytest.mark.parametrize("name", ["emit", "time", "TrainingConfig"])
def test_worker_runs_only_functions_that_the_module_defines(name):
    assert worker._function("stand_in_stage", "sleep") is stand_in_stage.sleep
    with pytest.raises(TypeError, match=name):
        worker._function("stand_in_stage", name)


def test_child_that_was_started_with_other_settings_is_replaced(process):
    before = child_pid(process)
    process.configure(ProcessSettings(threads=1))
    assert process.run(stand_in_stage.report_progress, SETTINGS).device != str(before)


def test_dead_child_is_reported_and_replaced(process, caplog):
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(KerasProcessError, match=r"die with exit code 3.*--verbose"),
    ):
        process.run(stand_in_stage.die, SETTINGS)
    assert "last words" in caplog.text
    assert process.run(stand_in_stage.report_progress, SETTINGS).device


def test_loss_of_another_machine_is_reported_with_what_to_do(process):
    with pytest.raises(NodeLostError, match=r"start all of them again.*resumes"):
        process.run(stand_in_stage.die_of_a_lost_node, SETTINGS)


def test_killed_child_is_reported_with_a_hint(process):
    def kill(progress):
        os.kill(child_pid(process), signal.SIGKILL)

    with listening(kill), pytest.raises(KerasProcessError, match=r"signal 9.*batch_size"):
        process.run(stand_in_stage.sleep, SETTINGS)


def test_interrupted_call_ends_the_child(process):
    pids: list[int] = []

    def interrupt(progress):
        pids.append(child_pid(process))
        raise TimeoutError("as Prefect raises it")

    with listening(interrupt), pytest.raises(TimeoutError):
        process.run(stand_in_stage.sleep, SETTINGS)
    assert process._child is None
    assert not Path(f"/proc/{pids[0]}").exists()


def test_call_that_a_listener_stops_ends_and_leaves_the_child_for_the_next_one(process):
    process.start()
    before = child_pid(process)

    def stop(progress):
        raise StoppedError("not wanted")

    with listening(stop), pytest.raises(StoppedError, match="not wanted"):
        process.run(stand_in_stage.work_for_ever, SETTINGS)
    assert process.run(stand_in_stage.report_progress, SETTINGS).device == str(before)


def test_settings_become_environment_variables_unless_the_user_set_them(monkeypatch):
    threads, gpus, flags = "TF_NUM_INTRAOP_THREADS", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS"
    monkeypatch.delenv(threads, raising=False)
    monkeypatch.setenv(gpus, "0")
    monkeypatch.setenv(flags, "--xla_dump_to=/tmp/x")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    changes = ProcessSettings(use_gpu=False, threads=4, share=8, deterministic=True)
    default, changed = (one.environment(verbose=False) for one in (ProcessSettings(), changes))
    assert (default.get(threads), default[gpus]) == (None, "0")
    assert default[flags] == "--xla_dump_to=/tmp/x"
    assert "OMP_NUM_THREADS" not in default
    assert (changed[threads], changed["OMP_NUM_THREADS"], changed[gpus]) == ("4", "8", "-1")
    assert changed[flags].split() == ["--xla_dump_to=/tmp/x", "--xla_gpu_deterministic_ops=true"]
    monkeypatch.setenv(threads, "5")
    assert changes.environment(verbose=False)[threads] == "5"
