"""A week of nights that nobody watches: data that grows, and something goes wrong in most nights.

The test is the clock: it starts each night's training as the schedule does. It repairs only what
comes back by itself: the supplier sends the broken files again, the database and the disk return.
"""

import errno
import json
import os
import re
import signal
import time

import pytest

from command import ROOT
from examples import pictures
from faultpoint import Fault, library
from growing import OVERRIDES, dark, negative, write
from processes import wait_for
from stack import FINAL

pytestmark = [pytest.mark.campaign, pytest.mark.long]

NIGHTLY = "train/train-nightly"
OUTAGE_SECONDS = 30


class Week:
    """The nights and their story."""

    def __init__(self, stack, data, nightly):
        self.stack, self.data = stack, data
        self.path = f"/deployments/{nightly['id']}"
        self.job = nightly["job_variables"]
        self.nights = []  # Of each: the names of the final states, and the last message
        self.told = []

    def change(self, path, **body):
        self.stack.client.patch(f"{self.path}{path}", json=body).raise_for_status()

    def night(self, what, meanwhile=lambda run: None):
        """Let a night begin, something happen meanwhile, and all its runs end."""
        known = {run["id"] for run in self.stack.runs_of(NIGHTLY)}
        # A schedule that made its run less than five minutes before would hold back its events
        body = {"state": {"type": "SCHEDULED"}, "tags": ["auto-scheduled"]}
        first = self.stack.post(f"{self.path}/create_flow_run", body)
        meanwhile(first["id"])
        runs = wait_for("the night ends", lambda: self._ended(known), 600)
        states = [run["state"]["name"] for run in runs]
        self.nights.append((states, runs[-1]["state"]["message"] or ""))
        self.told += [f"Night {len(self.nights)}, {what}", *map(self._line, runs)]

    def _ended(self, known):
        """Return the runs of a night once it has succeeded, or was run again once."""
        runs = [run for run in self.stack.runs_of(NIGHTLY) if run["id"] not in known]
        runs.sort(key=lambda run: run["expected_start_time"])
        if any(run["state"]["type"] not in FINAL for run in runs):
            return None
        return runs if runs[-1]["state"]["type"] == "COMPLETED" or len(runs) > 1 else None

    def _line(self, run):
        seconds = f"{run['total_run_time']:.0f} s"
        return f"  {run['name']}, {seconds}: {run['state']['name']}. {run['state']['message']}"


@pytest.fixture
def week(factory, deployed, tmp_path):
    """A nightly training of a small data set, with one worker."""
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    data = tmp_path / "week"
    write(data / "train", *pictures(200, 1))
    write(data / "test", *pictures(60, 2))
    factory.start_worker("cpu")
    nightly = factory.deployment(NIGHTLY)
    asked = {"dataset": str(data), "recipe": "quickstart", "epochs": 5, "batch_size": 8}
    asked |= {"deployment": "", "overrides": list(OVERRIDES)}
    week = Week(factory, data, nightly)
    week.change("", parameters={**nightly["parameters"], **asked})
    week.change(f"/schedules/{nightly['schedules'][0]['id']}", active=False)
    return week


def test_week_ends_with_the_right_champion_and_a_log_that_tells_what_happened(
    week, database, webhook
):
    stack = week.stack

    def lose_the_process(run):
        wait_for("it works", lambda: stack.run(run)["labels"].get("sightline.stage"))
        os.kill(stack.flow_process(), signal.SIGKILL)

    def lose_the_database(run):
        wait_for("it works", lambda: stack.run(run)["labels"].get("sightline.stage"))
        database.stop()
        time.sleep(OUTAGE_SECONDS)
        database.start()

    def get_room_again(run):
        stack.finish(run)
        week.change("", job_variables=week.job)

    week.night("the first images")
    week.night("nothing new")
    write(week.data / "train", *dark(160, 3), "dark")
    write(week.data / "test", *dark(60, 4), "dark")
    week.night("dark images, too")
    cut = write(week.data / "train", *pictures(40, 5), "more")
    whole = {path: path.read_bytes() for path in cut}
    for path, content in whole.items():
        path.write_bytes(content[: len(content) // 2])
    week.night("an upload that broke off")
    for path, content in whole.items():
        path.write_bytes(content)
    week.night("the upload again, and the process is killed", lose_the_process)
    write(week.data / "train", *dark(40, 6), "late")
    week.night("more dark images, and the database is away", lose_the_database)
    write(week.data / "train", *negative(160, 7), "negative")
    write(week.data / "test", *negative(60, 8), "negative")
    full = Fault(1, "on", errno.ENOSPC).environment(library(), stack.artifacts)
    week.change("", job_variables={**week.job, "env": {**week.job["env"], **full}})
    week.night("negatives, and the disk is full", get_room_again)
    morning = stack.complete("prune/prune-nightly", keep_versions=0)
    week.told.append(f"Clean-up: {morning['state']['message']}")

    done = stack.sightline("models", "history", "--dataset=week", "--json")
    for event in json.loads(done.stdout):
        week.told.append(f"{event['version']} {event['action']}: {event['reason']}")
    week.told += ["Messages:", *webhook[1]]
    story = "\n".join(week.told)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "week.txt").write_text(story)
    expected = [
        (["Completed"], "week-v1 promoted"),
        (["Unchanged"], "Nothing changed"),
        (["Completed"], "week-v2 promoted"),
        (["Failed", "Failed"], r"more\d+\.png"),
        (["Crashed", "Completed"], "week-v3 refused"),
        (["Completed"], "week-v4 refused"),
        (["Failed", "Completed"], "week-v5 refused: 180 test images"),
    ]
    for (states, message), (known, pattern) in zip(week.nights, expected, strict=True):
        assert states == known, story
        assert re.search(pattern, message), story
    status = json.loads(stack.sightline("ops", "status", "--json").stdout)
    (champion,) = status["champions"]
    assert (champion["champion"], champion["damages"]) == ("week-v2", [])
    assert champion["accuracy"] > 0.9, "the first that knows dark images; negatives are as easy"
    for cause in (r"more\d+\.png", "exit", "free up space", "week-v5"):
        assert any(re.search(cause, text) for text in webhook[1]), story
