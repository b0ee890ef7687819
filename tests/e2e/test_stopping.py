"""A cancelled run ends all its processes, whatever else fails."""

import os
import signal
import time

import pytest

from processes import is_running, wait_for
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
