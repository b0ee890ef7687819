"""Machines, processes and databases of a complete deployment that are away for minutes.

They have a deployment of their own, since they wait most of the time.
"""

import os
import re
import signal
import time

import pytest

from factory import call_about
from processes import cut_power, wait_for

pytestmark = [pytest.mark.campaign, pytest.mark.long]


def test_run_that_is_silent_for_a_minute_goes_on(workers, textures):
    """Two heartbeats are missing, as on a machine that swaps; its process is alive."""
    flow_run = workers.begin(textures, 304, "")
    process = workers.flow_process()
    os.kill(process, signal.SIGSTOP)
    time.sleep(60)
    os.kill(process, signal.SIGCONT)
    assert workers.finish(flow_run)["state"]["name"] == "Completed", workers.tail()


def test_machine_lost_in_the_first_second_of_a_run_costs_this_run_only(workers, textures, webhook):
    cpu = workers.workers[0]
    asked = {"dataset": str(textures), "epochs": 303}
    flow_run = workers.start("train/train-manual", **asked)
    wait_for("it runs", lambda: workers.state(flow_run) == "Running")
    cut_power(cpu.pid)
    cpu.wait()
    workers.workers.remove(cpu)
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Crashed"
    assert found["state"]["message"].startswith("No sign of life for 90 s")
    assert "Stage: before the first stage" in call_about(found, webhook[1])
    status = workers.sightline("ops", "status", COLUMNS="200").stdout
    assert re.search(r"train-manual.*last Crashed \d{4}-", status), status
    workers.start_worker("cpu")
    workers.complete("train/train-manual", **asked)


@pytest.fixture
def patient(workers):
    """The workers, whose runs are lost after five minutes, as by default."""
    assert workers.sightline("ops", "install", "--lost-after=300").returncode == 0
    yield workers
    assert workers.sightline("ops", "install", "--lost-after=90").returncode == 0


def test_database_that_is_away_for_two_minutes_costs_neither_run_nor_worker(
    reported, patient, textures, database
):
    """The server then answers 500. Stages end meanwhile; what they show in Prefect is lost."""
    flow_run = patient.begin(textures, 307, "")
    programs = patient.processes("worker_program")
    database.stop()
    time.sleep(120)
    database.start()
    assert patient.finish(flow_run)["state"]["name"] == "Completed", patient.tail()
    assert patient.processes("worker_program") == programs, patient.tail()
