"""Workers and servers of a complete deployment that die or are busy."""

import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from factory import call_about
from processes import cut_power, is_running, wait_for
from sightline.experiments import run_folder
from sightline.flows.queueing import WAITING
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


@pytest.mark.long
def test_killed_training_on_the_gpu_pool_is_restarted(workers, textures):
    # The slot of a killed training is given back after a minute; with two there is no wait.
    assert workers.sightline("ops", "install", "--gpus", "2").returncode == 0
    flow_run = workers.begin(textures, 300, "fit/fit-gpu")
    os.kill(workers.flow_process(), signal.SIGKILL)
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Completed", workers.tail()
    states = [fit["state"]["name"] for fit in workers.fits_of(flow_run)]
    assert states == ["Crashed", "Completed"]
    check_resumed(workers)


def test_killed_run_is_crashed_and_a_rerun_resumes_from_its_checkpoint(workers, textures):
    flow_run = workers.begin(textures, 301, "")
    children = workers.keras_processes()
    assert children
    os.kill(workers.flow_process(), signal.SIGKILL)
    assert workers.finish(flow_run)["state"]["name"] == "Crashed"
    wait_for("its Keras process ends", lambda: not any(map(is_running, children)))
    again = workers.complete("train/train-manual", dataset=str(textures), epochs=301)
    cached = [row["stage"] for row in workers.stage_times(again["id"]) if row["cached"]]
    assert cached == ["ingest", "preprocess", "build"]
    check_resumed(workers)


def test_killed_night_is_run_again_from_its_checkpoint(workers, textures, webhook, reported):
    """The automation does it, without a person; an abandoned run no longer holds the slot."""
    asked = {"dataset": str(textures), "epochs": 330, "deployment": "", "gate": "off"}
    night = workers.start("train/train-nightly", "auto-scheduled", **asked)
    wait_for("it trains", lambda: "\nEpoch " in workers.log(night))
    os.kill(workers.flow_process(), signal.SIGKILL)
    crashed = workers.finish(night)
    assert crashed["state"]["name"] == "Crashed"
    assert "sightline-reruns" in call_about(crashed, webhook[1])

    def reruns():
        found = workers.runs_of("train/train-nightly")
        return [run for run in found if (run["created_by"] or {}).get("type") == "AUTOMATION"]

    (again,) = wait_for("it is run again", reruns)
    assert workers.finish(again["id"])["state"]["name"] == "Completed", workers.tail()
    check_resumed(workers)


def check_resumed(running):
    """Check that the last run resumed from the checkpoint of the killed one."""
    (sentence,) = run_folder.read(Workspace(running.artifacts), "latest").records.train.resumed
    assert sentence.startswith("Resumed from ")


@pytest.mark.long
def test_run_survives_a_kill_and_restart_of_the_server(workers, textures, reported):
    flow_run = workers.begin(textures, 302, "fit/fit-gpu")
    cut_power(workers.server.pid)
    workers.server.wait()
    time.sleep(3)
    workers.start_server()
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Completed", workers.tail()
    assert [fit["state"]["name"] for fit in workers.fits_of(flow_run)] == ["Completed"]
    assert "training-report" in workers.artifacts_of(flow_run)


@pytest.mark.long
def test_schedule_that_fires_during_a_run_is_queued_and_completes(workers, textures):
    """The worker has a free slot for a second run; the limit of the deployment delays it."""
    first = workers.start("train/train-manual", dataset=str(textures), epochs=9_000)
    wait_for("the first runs", lambda: workers.state(first) == "Running")
    deployment = workers.deployment("train/train-manual")
    soon = datetime.now(UTC) + timedelta(seconds=20)
    schedule = {
        "active": True,
        "schedule": {"interval": 86_400, "anchor_date": soon.isoformat(), "timezone": "UTC"},
        "parameters": {
            "dataset": str(textures),
            "recipe": "tutorial",
            "epochs": 4,
            "deployment": "fit/fit-gpu",
        },
    }
    (made,) = workers.post(f"/deployments/{deployment['id']}/schedules", [schedule])

    manual = "train/train-manual"
    planned = wait_for("a SCHEDULED run exists", lambda: workers.scheduled_runs_of(manual))
    scheduled = min(planned, key=lambda run: run["expected_start_time"])["id"]
    wait_for("it is queued", lambda: workers.state(scheduled) == "AwaitingConcurrencySlot")
    status = workers.sightline("ops", "status", COLUMNS="200").stdout
    assert re.search(r"waiting\s*│.*AwaitingConcurrencySlot", status), status
    assert re.search(r"running\s*│ textures-tutorial.*Running", status), status
    workers.cancel(first)
    assert workers.finish(scheduled)["state"]["name"] == "Completed", workers.tail()
    assert workers.run(scheduled)["start_time"] >= workers.run(first)["end_time"]
    assert "training-report" in workers.artifacts_of(scheduled)
    assert [fit["work_pool_name"] for fit in workers.fits_of(scheduled)] == ["gpu"]
    path = f"/deployments/{deployment['id']}/schedules/{made['id']}"
    workers.client.delete(path).raise_for_status()


@pytest.mark.long
def test_queue_keeps_the_order_of_arrival(workers, textures):
    """The first of those that wait asks for the slot later than the one behind it."""
    asked = {"dataset": str(textures), "deployment": ""}
    blocking = workers.start("train/train-manual", **asked, epochs=9_000)
    wait_for("it runs", lambda: workers.state(blocking) == "Running")
    waiting = []
    for epochs in (5, 6):
        waiting.append(workers.start("train/train-manual", **asked, epochs=epochs))
        wait_for("it waits", lambda: workers.state(waiting[-1]) == WAITING)
    late = datetime.now(UTC) + timedelta(seconds=40)
    details = {"scheduled_time": late.isoformat()}
    state = {"type": "SCHEDULED", "name": WAITING, "state_details": details}
    workers.post(f"/flow_runs/{waiting[0]}/set_state", {"state": state, "force": True})
    workers.cancel(blocking)
    first, second = (workers.finish(one) for one in waiting)
    assert {first["state"]["name"], second["state"]["name"]} == {"Completed"}, workers.tail()
    assert first["end_time"] < second["end_time"]
    states = workers.client.get("/flow_run_states/", params={"flow_run_id": second["id"]}).json()
    assert any("came before" in (state["message"] or "") for state in states), states


def test_run_of_a_lost_machine_becomes_crashed_and_is_reported(reported):
    found, text = reported
    assert found["state"]["name"] == "Crashed"
    assert found["state"]["message"].startswith("No sign of life for 90 s")
    assert "Stage: train" in text
