"""Trials as flow runs, against a real Prefect API; the workers are played by hand."""

import json
import math
from contextlib import nullcontext
from types import SimpleNamespace

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.states import Cancelled, Completed, Crashed, Failed, Running

from processes import wait_for
from searching import BASE
from sightline.config import RunConfig
from sightline.data import locate
from sightline.errors import ConfigError, DivergenceError, HandoverError, HandoverLostError
from sightline.flows import worker
from sightline.flows.trials import deployed
from sightline.flows.trials.deployed import DeploymentRunner
from sightline.flows.trials.flow import deployed_trial
from sightline.flows.trials.trial import Epoch, Trial, TrialResult
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.tasks import flow_runs

pytestmark = pytest.mark.usefixtures("prefect_api")
DONE = TrialResult(
    epochs=(Epoch(epoch=1, metrics={"loss": 0.5}),), kept=1, seconds=2, cpu_seconds=3
)


@pytest.fixture(scope="module")
def client(prefect_api):
    with get_client(sync_client=True) as client:
        client.create_deployment(flow_id=client.create_flow(deployed_trial), name="trial-cpu")
        yield client


@pytest.fixture
def trial(client, tmp_path, request, monkeypatch):
    monkeypatch.setattr(deployed, "_POLL_SECONDS", 0)
    run = Run(id=f"{tmp_path.parent.name}-{tmp_path.name}", workspace=Workspace(tmp_path))
    return Trial(config=BASE, run=run, source=locate.locate(BASE.data))


def test_flow_run_gets_the_trial_but_not_the_paths_of_this_machine(client, trial):
    attempt = DeploymentRunner().start(trial)
    given = client.read_flow_run(attempt.id).parameters
    assert RunConfig.model_validate(given["config"]) == trial.config
    assert given["run_id"] == trial.run.id
    assert str(trial.run.workspace) not in json.dumps(given)


def test_next_command_finds_the_flow_run_of_a_killed_one(client, trial):
    attempt = DeploymentRunner().start(trial)
    assert DeploymentRunner().start(trial).id == attempt.id
    client.set_flow_run_state(attempt.id, Completed(message=DONE.model_dump_json()), force=True)
    again = DeploymentRunner().start(trial)
    assert again.id == attempt.id
    again.epochs()
    assert again.result() == DONE


def test_loss_that_is_not_finite_comes_back(client, trial):
    epoch = Epoch(epoch=1, metrics={"val_loss": math.inf})
    result = DONE.model_copy(update={"epochs": (epoch,)})
    attempt = DeploymentRunner().start(trial)
    client.set_flow_run_state(attempt.id, Completed(message=result.model_dump_json()), force=True)
    attempt.epochs()
    assert attempt.result() == result


@pytest.mark.parametrize("state", [Cancelled(), Crashed(), Failed()])
def test_next_command_tries_again_what_did_not_succeed(client, trial, state):
    attempt = DeploymentRunner().start(trial)
    client.set_flow_run_state(attempt.id, state, force=True)
    assert DeploymentRunner().start(trial).id != attempt.id


def test_complete_flow_run_whose_run_folder_is_gone_is_tried_again(client, trial):
    whole = trial.model_copy(update={"complete": True})
    attempt = DeploymentRunner().start(whole)
    client.set_flow_run_state(attempt.id, Completed(message=DONE.model_dump_json()), force=True)
    assert DeploymentRunner().start(whole).id != attempt.id


def test_epochs_arrive_once_while_the_trial_runs(client, trial):
    attempt = DeploymentRunner().start(trial)
    client.set_flow_run_state(attempt.id, Running(), force=True)
    assert (attempt.epochs(), attempt.result()) == ([], None)
    first = Epoch(epoch=1, metrics={"val_accuracy": 0.5}, cpu_seconds=2)
    client.create_artifact(
        ArtifactCreate(
            key="trial-epochs",
            type="table",
            data=json.dumps([first.model_dump()]),
            flow_run_id=attempt.id,
        )
    )
    assert attempt.epochs() == [first]
    assert attempt.epochs() == []
    attempt.cancel()
    assert client.read_flow_run(attempt.id).state.name in {"Cancelling", "Cancelled"}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (Failed(name="DivergenceError", message="not finite"), DivergenceError),
        (Failed(message="a bug"), HandoverError),
        (Crashed(message="power cut"), HandoverLostError),
    ],
)
def test_failure_keeps_its_kind(client, trial, state, kind):
    attempt = DeploymentRunner().start(trial)
    client.set_flow_run_state(attempt.id, state, force=True)
    attempt.epochs()
    with pytest.raises(kind, match=state.message) as caught:
        attempt.result()
    assert caught.type is kind


def test_worker_with_other_storage_refuses_a_trial(trial, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path))
    run = trial.run.model_copy(update={"workspace": Workspace(tmp_path, "s3://bucket/team")})
    given = deployed.parameters(trial.model_copy(update={"run": run}))
    state = deployed_trial(**given, return_state=True)
    assert state.name == "ArtifactsRootError"
    assert f"artifacts in s3://bucket/team, this worker in {tmp_path}" in state.message


def test_worker_with_another_folder_refuses_a_trial(client, trial, tmp_path, monkeypatch):
    DeploymentRunner().start(trial)
    given = deployed.parameters(trial)
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path / "other"))
    state = deployed_trial(**given, return_state=True)
    assert state.name == "ArtifactsRootError"
    assert f"{trial.run.id}, which this training is for, is not active in" in state.message
    assert str(tmp_path / "other") in state.message
    assert worker.check_shared(trial.run, None) is None, "there it is expected"


def test_trial_starts_when_the_server_is_back(client, trial, monkeypatch):
    monkeypatch.setattr(flow_runs, "_POLL_SECONDS", 0)
    answers = iter([httpx.ConnectError("away"), httpx.ReadTimeout("busy")])
    begin = flow_runs.run_deployment

    def sometimes(*arguments, **options):
        if error := next(answers, None):
            raise error
        return begin(*arguments, **options)

    monkeypatch.setattr(flow_runs, "run_deployment", sometimes)
    assert client.read_flow_run(DeploymentRunner().start(trial).id).name == trial.run.id


def test_cancel_reaches_the_server_when_it_is_back(client, trial, monkeypatch, caplog):
    monkeypatch.setattr(flow_runs, "_POLL_SECONDS", 0.01)
    attempt = DeploymentRunner().start(trial)
    answers = iter([httpx.ConnectError("away"), httpx.ReadTimeout("busy")])

    def set_state(flow_run_id, state):
        if error := next(answers, None):
            raise error
        client.set_flow_run_state(flow_run_id, state, force=True)

    standing_in = nullcontext(SimpleNamespace(set_flow_run_state=set_state))
    monkeypatch.setattr(flow_runs, "get_client", lambda **options: standing_in)
    attempt.cancel()
    assert f"{attempt.id} is cancelled when it is back" in caplog.text

    def is_cancelling():
        return client.read_flow_run(attempt.id).state.name in {"Cancelling", "Cancelled"}

    wait_for("the cancel", is_cancelling)


def test_unknown_deployment_is_named_with_its_option(trial):
    with pytest.raises(ConfigError, match=r"--deployment is 'trial/nowhere'"):
        DeploymentRunner("trial/nowhere").start(trial)
