from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow, tags
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

import runs_to_promote
from elsewhere import used_elsewhere
from processes import wait_for
from sightline import registry
from sightline.experiments import run_folder
from sightline.flows import prune
from sightline.flows.server import run_history
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A champion and three refused versions of runs that are not pinned."""
    workspace = Workspace(tmp_path / "artifacts")
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(workspace.root))
    runs_to_promote.promote(workspace.root, "run-1")
    for number in (2, 3, 4):
        version = runs_to_promote.register(workspace.root, f"run-{number}")
        decision = runs_to_promote.decide(version.run_id, "mnist-v1", promote=False)
        registry.refuse(workspace, version, decision)
    return workspace


def ask(**policy):
    return prune.prune_flow(**{"history_days": 0} | policy, return_state=True)


def events(name):
    """Wait for events of this minute, and return their payloads."""
    wanted = {
        "event": {"name": [name]},
        "occurred": {"since": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()},
        "order": "ASC",
    }

    def found():
        with get_client(sync_client=True) as client:
            answer = client.request("POST", "/events/filter", json={"filter": wanted})
        return [event["payload"] for event in answer.json()["events"]]

    return wait_for(name, found)


def test_night_removes_old_versions_and_runs_with_an_event_for_each(workspace):
    state = ask(keep_versions=1, keep_runs=1)
    assert state.is_completed()
    assert "Versions: 2 removed" in state.message
    assert run_folder.run_ids(workspace) == ["run-4", "run-1"]
    assert [one["version"] for one in events(prune.PRUNED)] == ["mnist-v2", "mnist-v3"]
    actions = [event.action for event in registry.history(workspace)]
    assert actions[-2:] == ["prune", "prune"]
    assert "Versions: 0 removed" in ask(keep_versions=1).message


def test_runs_stay_while_one_is_active_and_the_state_says_so(workspace):
    with used_elsewhere(workspace.root):
        state = ask(keep_versions=5, keep_runs=1)
    assert (state.is_completed(), len(run_folder.run_ids(workspace))) == (True, 4)
    assert f"Runs: none removed. A run is using {workspace}" in state.message


def test_champion_that_is_too_old_is_reported_with_what_to_do(workspace, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=40)

    monkeypatch.setattr(prune, "datetime", Later)
    assert "registered" not in ask(champion_days=50).message
    assert "mnist-v1 was registered 40 days ago, limit 30" in ask(champion_days=30).message
    (payload,) = events(prune.OLD)
    assert payload["remedy"].endswith("sightline models history --dataset mnist")


def test_old_flow_runs_are_removed_with_their_artifacts_and_others_stay():
    @flow(name="night")
    def night():
        create_markdown_artifact("text", key="night")
        return flow_run.id

    with tags("sightline"):
        old = night()
    other = night()
    of_old = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[old]))
    with get_client(sync_client=True) as client:
        run_history.prune(client, days=1)
        assert client.read_flow_run(old).tags == ["sightline"]
        assert run_history.prune(client, days=-1) >= 1
        with pytest.raises(ObjectNotFound):
            client.read_flow_run(old)
        assert client.read_artifacts(artifact_filter=of_old) == []
        assert client.read_flow_run(other).name
