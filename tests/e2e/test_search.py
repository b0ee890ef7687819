"""A hyperparameter search over two workers, killed in between."""

import json
import subprocess
from itertools import pairwise

import pytest

from command import BIN, ROOT
from processes import wait_for
from stack import end
from tiny_run import TINY

DEPLOYMENT = "trial/trial-cpu"
SPACE = "training.batch_size=choice(8, 16)"  # few values: later trainings come from the cache


@pytest.fixture
def second_worker(workers):
    worker = workers.start_worker("cpu")
    yield worker
    end(worker)
    workers.workers.remove(worker)


def command(data):
    settings = [f"--set={one}" for one in ("training.epochs=1", *TINY[1:], SPACE)]
    asked = ("--recipe=quickstart", "--trials=8", "--parallel=2", "--name=sweep", "--json")
    return [BIN / "sightline", "tune", f"--dataset={data}", *asked, *settings]


@pytest.mark.campaign
def test_search_over_two_workers_that_is_killed_loses_and_repeats_no_trial(
    workers, second_worker, textures
):
    def states():
        return [run["state"]["name"] for run in workers.runs_of(DEPLOYMENT)]

    def evaluations():
        return len(list((workers.artifacts / "cache" / "evaluate").glob("[!.]*")))

    before = evaluations()
    with subprocess.Popen(
        list(map(str, command(textures))),
        env=workers.environment,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    ) as first:
        wait_for("three trials are done", lambda: states().count("Completed") >= 3, 400)
        first.kill()
    assert len(states()) < 8
    done = workers.execute(*command(textures))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ended = [(one["number"], one["state"]) for one in found["trials"]]
    assert ended == [(number, "complete") for number in range(8)]
    runs = sorted(workers.runs_of(DEPLOYMENT), key=lambda run: run["start_time"])
    assert {run["state"]["name"] for run in runs} == {"Completed"}
    names = sorted(run["name"].partition("-")[2].partition("-")[2] for run in runs)
    assert names == sorted([*(f"t{number}" for number in range(8)), f"best-t{found['best']}"])
    assert any(one["end_time"] > other["start_time"] for one, other in pairwise(runs))
    assert evaluations() == before + 1
    winner = workers.artifacts / "runs" / found["run"]["run_id"] / "manifest.json"
    assert json.loads(winner.read_text())["stages"]["train"]["cached"]
    assert found["run"]["recipe"] == "quickstart-tuned"
