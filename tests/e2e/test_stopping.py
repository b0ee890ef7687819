"""A cancelled or suspended run ends all its processes, whatever else fails."""

import os
import signal
import time

import pytest

from processes import is_running, wait_for
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace
from stack import end

LONG = 9_000


@pytest.mark.campaign
@pytest.mark.parametrize("deployment", ["", "fit/fit-gpu"])
def test_cancelled_run_frees_the_device(workers, textures, deployment):
    flow_run = workers.begin(textures, LONG + len(deployment), deployment)
    children = workers.keras_processes()
    assert children
    workers.cancel(flow_run)
    wait_for("the Keras processes end", lambda: not any(map(is_running, children)))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"
    for fit in workers.fits_of(flow_run):
        assert workers.finish(fit["id"])["state"]["name"] == "Cancelled"


@pytest.mark.campaign
@pytest.mark.long
def test_run_can_be_cancelled_after_an_outage_of_the_server(workers, textures, reported):
    """Prefect's worker stops listening for cancellations after half a minute without the server."""
    flow_run = workers.begin(textures, LONG + 2, "")
    children = workers.keras_processes()
    end(workers.server)
    time.sleep(45)
    workers.start_server()
    workers.cancel(flow_run)
    wait_for("the Keras processes end", lambda: not any(map(is_running, children)))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"


@pytest.mark.campaign
def test_hung_training_is_ended_by_a_cancellation(workers, textures):
    """A kernel that hangs never returns to Python: the process itself must be killed."""
    flow_run = workers.begin(textures, LONG + 1, "")
    (child,) = workers.keras_processes()
    os.kill(child, signal.SIGSTOP)
    workers.cancel(flow_run)
    wait_for("the hung process ends", lambda: not is_running(child))
    assert workers.finish(flow_run)["state"]["name"] == "Cancelled"


@pytest.mark.campaign
@pytest.mark.parametrize("deployment", ["", "fit/fit-gpu"])
def test_suspended_run_ends_with_a_checkpoint_from_which_resume_goes_on(
    workers, textures, deployment
):
    flow_run = workers.begin(textures, 310 + len(deployment), deployment)
    children = workers.keras_processes()
    workers.suspend(flow_run)
    wait_for("the Keras processes end", lambda: not any(map(is_running, children)))
    assert workers.state(flow_run) == "Suspended"
    workers.post(f"/flow_runs/{flow_run}/resume", {})
    assert workers.finish(flow_run)["state"]["name"] == "Completed", workers.tail()
    (sentence,) = run_folder.read(Workspace(workers.artifacts), "latest").records.train.resumed
    assert sentence.startswith("Resumed from ")


@pytest.mark.campaign
def test_run_that_is_resumed_before_its_process_has_ended_harms_no_worker(workers, textures):
    """Prefect's worker would die of it, with all its runs: it counts a run once."""
    flow_run = workers.begin(textures, 320, "")
    programs, (child,) = workers.processes("worker_program"), workers.keras_processes()
    os.kill(child, signal.SIGSTOP)  # it takes ten seconds to end
    workers.suspend(flow_run)
    workers.post(f"/flow_runs/{flow_run}/resume", {})
    assert workers.finish(flow_run)["state"]["name"] == "Completed", workers.tail()
    assert workers.processes("worker_program") == programs
