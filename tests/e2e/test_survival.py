"""What a night must survive: killed processes, a restarted server, a cancel, a lost machine.

How long each takes is measured by `benchmarks/operation.py`.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from stack import Stack, is_running, wait_for

LONG = 9_000


def flow_process(running: Stack) -> int:
    """Return the process of the flow run that was started last."""
    return int(wait_for("a flow runs", lambda: running.processes("prefect.engine"))[-1])


def keras_processes(running: Stack) -> list[int]:
    """List the Keras processes below the workers."""
    return running.processes("sightline.keras_worker")


def stage_times(running: Stack, flow_run: str) -> str:
    return str(running.artifacts_of(flow_run)["stage-times"]["data"])


def begin(running: Stack, textures: Path, epochs: int, deployment: str) -> str:
    """Start a run and return it once its first epoch is done."""
    flow_run = running.start(
        "train/train-manual", dataset=str(textures), epochs=epochs, deployment=deployment
    )
    wait_for("the run trains", lambda: running.training_of(flow_run))
    return flow_run


def test_killed_training_on_the_gpu_pool_is_started_again_by_itself(
    workers: Stack, textures: Path
) -> None:
    # The slot of a killed training is given back after a minute; with two there is no wait.
    assert workers.command("sightline", "ops", "install", "--gpus", "2").returncode == 0
    flow_run = begin(workers, textures, 300, "fit/fit-gpu")
    os.kill(flow_process(workers), signal.SIGKILL)
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Completed", workers.tail()
    first, second = workers.fits_of(flow_run)
    assert first["state"]["name"] == "Crashed"
    assert second["state"]["name"] == "Completed"


def test_killed_run_is_crashed_and_a_rerun_ends_well(workers: Stack, textures: Path) -> None:
    flow_run = begin(workers, textures, 301, "")
    children = keras_processes(workers)
    assert children
    os.kill(flow_process(workers), signal.SIGKILL)
    assert workers.finish(flow_run)["state"]["name"] == "Crashed"
    wait_for("its Keras process ends", lambda: not any(map(is_running, children)))
    again = workers.start("train/train-manual", dataset=str(textures), epochs=301)
    assert workers.finish(again)["state"]["name"] == "Completed"
    times = {row["stage"]: row for row in json.loads(stage_times(workers, again))}
    assert [name for name, row in times.items() if row["cached"]] == [
        "ingest",
        "preprocess",
        "build",
    ]


def test_server_that_is_restarted_in_mid_training_loses_nothing(
    workers: Stack, textures: Path
) -> None:
    flow_run = begin(workers, textures, 302, "fit/fit-gpu")
    workers.stop_server()
    time.sleep(3)
    workers.start_server()
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Completed", workers.tail()
    assert [fit["state"]["name"] for fit in workers.fits_of(flow_run)] == ["Completed"]
    assert "training-report" in workers.artifacts_of(flow_run)


@pytest.mark.parametrize("deployment", ["", "fit/fit-gpu"])
def test_cancelled_run_frees_the_device(workers: Stack, textures: Path, deployment: str) -> None:
    flow_run = begin(workers, textures, LONG, deployment)
    children = keras_processes(workers)
    assert children
    workers.cancel(flow_run)
    wait_for("the Keras processes end", lambda: not any(map(is_running, children)))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"
    for fit in workers.fits_of(flow_run):
        assert workers.finish(fit["id"])["state"]["name"] == "Cancelled"


def test_run_can_be_cancelled_after_the_server_was_away(workers: Stack, textures: Path) -> None:
    """Prefect's worker stops to listen for cancels after half a minute without the server."""
    flow_run = begin(workers, textures, LONG + 2, "")
    children = keras_processes(workers)
    workers.stop_server()
    time.sleep(45)
    workers.start_server()
    workers.cancel(flow_run)
    wait_for("the Keras processes end", lambda: not any(map(is_running, children)))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"


def test_hung_training_is_ended_by_a_cancel(workers: Stack, textures: Path) -> None:
    """A kernel that hangs never returns to Python: the process itself has to go."""
    flow_run = begin(workers, textures, LONG + 1, "")
    (child,) = keras_processes(workers)
    os.kill(child, signal.SIGSTOP)
    workers.cancel(flow_run)
    wait_for("the hung process ends", lambda: not is_running(child))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"


def test_run_of_a_lost_machine_becomes_crashed_and_is_told(
    workers: Stack, abandoned: str, webhook: tuple[str, list[str]]
) -> None:
    found: dict[str, Any] = workers.finish(abandoned)
    assert found["state"]["name"] == "Crashed"
    assert found["state"]["message"].startswith("No sign of life for 90 s")
    text = wait_for(
        "the webhook is told", lambda: next((t for t in webhook[1] if found["name"] in t), None)
    )
    assert "Stage: train" in text
