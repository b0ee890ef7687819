"""Lost runs and nights that are run again, on a real server whose automations wait for seconds."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from processes import wait_for
from sightline.flows.server import lost_runs, reruns
from sightline.flows.suspend import ENDED

WITHIN = 10  # Seconds without an event after which a run is lost; the least that Prefect takes
BEAT = 3  # Seconds between heartbeats
OTHER_TAG = "brief"  # so that the runs of other tests keep their longer time
SILENT = {
    "pending": (["Pending"], "Crashed"),
    "submitting": (["Pending", "Submitting"], "Crashed"),
    "running": (["Pending", "Running"], "Crashed"),
    "cancelling": (["Pending", "Running", "Cancelling"], "Cancelled"),
}
"""The states that a silent run enters, and the one that it must end in."""
KINDS = {"Submitting": "PENDING", "Suspended": "PAUSED"}


@pytest.fixture(scope="module")
def server(factory):
    """The shared server, with the automations for runs of another tag."""
    for automation in (*lost_runs.automations(WITHIN), reruns.automation()):
        own = automation.model_dump_json().replace(f"tag.{lost_runs.TAG}", f"tag.{OTHER_TAG}")
        factory.post("/automations/", json.loads(own))
    return factory


class Run:
    """A run of a deployment of its own that runs once at a time; no worker serves its pool."""

    def __init__(self, server, pool):
        name = f"{pool}-{uuid4().hex[:8]}"
        server.client.post("/work_pools/", json={"name": f"brief-{pool}", "type": pool})
        flow = server.post("/flows/", {"name": "brief"})["id"]
        self.server = server
        self.deployment = server.post(
            "/deployments/",
            {
                "name": name,
                "flow_id": flow,
                "work_pool_name": f"brief-{pool}",
                "tags": [OTHER_TAG],
                "concurrency_limit": 1,
            },
        )["id"]
        path = f"/deployments/{self.deployment}/create_flow_run"
        self.id = server.post(path, {"state": {"type": "SCHEDULED"}})["id"]

    def enter(self, *names):
        for name in names:
            self.server.set_state(self.id, name, KINDS.get(name, ""))
        return self

    def beat(self, event="prefect.flow-run.heartbeat"):
        event = {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": f"prefect.flow-run.{self.id}"},
            "related": [
                {
                    "prefect.resource.id": f"prefect.tag.{OTHER_TAG}",
                    "prefect.resource.role": "tag",
                }
            ],
        }
        self.server.client.post("/events", json=[event]).raise_for_status()

    @property
    def state(self):
        return self.server.run(self.id)["state"]

    @property
    def occupied(self):
        found = self.server.client.get(f"/deployments/{self.deployment}").json()
        return found["global_concurrency_limit"]["active_slots"]


@contextmanager
def heartbeats(run):
    """Let a run send heartbeats from a thread."""
    done = threading.Event()

    def beat():
        while not done.wait(BEAT):
            run.beat()

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()


@pytest.fixture(scope="module")
def runs(server):
    """Runs by what happens to them, after the time in which the silent ones are lost."""
    found = {
        "alive": Run(server, "process").enter("Pending", "Running"),
        "container": Run(server, "docker").enter("Pending"),
        "completed": Run(server, "process").enter("Pending", "Running", "Completed"),
    }
    found["suspended"] = Run(server, "process").enter("Pending", "Running", "Suspended")
    with heartbeats(found["alive"]):
        found["completed"].beat()
        for event in ("prefect.flow-run.heartbeat", ENDED):
            found["suspended"].beat(event)
        for name, (states, _) in SILENT.items():
            found[name] = Run(server, "process").enter(*states)
        for name in SILENT:
            server.finish(found[name].id)
        yield found


@pytest.mark.parametrize("name", SILENT)
def test_active_run_without_a_sign_of_life_is_ended_and_frees_its_slot(runs, name):
    assert runs[name].state["name"] == SILENT[name][1]
    assert f"{WITHIN} s" in runs[name].state["message"]
    assert runs[name].occupied == 0


def test_run_whose_process_is_alive_goes_on(runs):
    assert runs["alive"].state["name"] == "Running"
    assert runs["alive"].occupied == 1


def test_run_that_waits_for_its_container_has_more_time(runs):
    assert runs["container"].state["name"] == "Pending"


def test_suspended_run_waits_for_as_long_as_people_like(runs):
    """Its process sends a heartbeat before it learns of it, and says that it ends."""
    assert runs["suspended"].state["name"] == "Suspended"
    assert runs["suspended"].occupied == 0


def test_heartbeat_after_the_end_of_a_run_changes_nothing(runs):
    """The automation then proposes Crashed, which the server refuses."""
    assert runs["completed"].state["name"] == "Completed"


@pytest.fixture
def night(server, runs):
    """Make runs of a deployment, as a person or as its schedule does; no worker takes them."""
    daily = {"interval": 86_400, "anchor_date": "2026-01-01T23:30:00Z", "timezone": "UTC"}
    made = server.post(
        "/deployments/",
        {
            "name": f"night-{uuid4().hex[:8]}",
            "flow_id": server.post("/flows/", {"name": "brief"})["id"],
            "work_pool_name": "brief-process",
            "tags": [OTHER_TAG, "nightly"],
            "parameters": {"seed": "date", "epochs": 3},
            "schedules": [{"schedule": daily}],
        },
    )["id"]

    def create(*tags):
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-01-01T23:30:00Z"}}
        body = {"state": state, "tags": tags, "parameters": {"epochs": 5}}
        return server.post(f"/deployments/{made}/create_flow_run", body)["id"]

    def by(creator):
        wanted = {"deployments": {"id": {"any_": [made]}}}
        found = server.post("/flow_runs/filter", wanted)
        return [run for run in found if (run["created_by"] or {}).get("type") == creator]

    create.made_by = by
    return create


def test_night_that_failed_or_was_lost_is_run_again_once(server, night):
    planned = wait_for("the schedule plans nights", lambda: night.made_by("SCHEDULE"))
    assert {"auto-scheduled"} == set(planned[0]["tags"]) - {OTHER_TAG, "nightly"}
    server.set_state(night(), "Failed")
    server.set_state(night("auto-scheduled"), "Cancelled")
    server.set_state(night("auto-scheduled"), "Failed")
    (first,) = wait_for("the failed one is run again", lambda: night.made_by("AUTOMATION"))
    assert first["parameters"] == {"seed": 20260101, "epochs": 5}
    server.set_state(first["id"], "Crashed")
    lost = night("auto-scheduled")
    server.set_state(lost, "Pending")
    again = wait_for("the lost one is run again", lambda: night.made_by("AUTOMATION")[1:])
    assert server.state(lost) == "Crashed"
    assert len(again) == 1, "neither a rerun, nor what a person started or cancelled"
