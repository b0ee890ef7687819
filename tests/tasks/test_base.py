from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from prefect import State, flow
from prefect.states import Failed

import stand_in_stage
from sightline.config import TrainingConfig
from sightline.errors import (
    BusyStorageError,
    DataError,
    DownloadError,
    HandoverError,
    HandoverLostError,
    KerasProcessError,
    NetworkError,
    StageError,
    StorageError,
)
from sightline.pipeline.process import KerasProcess
from sightline.pipeline.progress import Progress
from sightline.records import DeviceReport
from sightline.tasks import artifacts, progress
from sightline.tasks.base import VerifiedCache, is_transient, stage_task
from sightline.tasks.train import train
from sightline.training.train import TRAIN

pytestmark = pytest.mark.usefixtures("prefect_api")

SETTINGS = TrainingConfig(epochs=1)
REQUEST = httpx.Request("GET", "http://127.0.0.1")


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "support"))
    process = KerasProcess()
    yield process
    process.close()


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (BusyStorageError("busy"), True),
        (TimeoutError("took too long"), False),
        (PermissionError("closed"), False),
        (StorageError("full"), False),
        (ConnectionResetError(), True),
        (KerasProcessError("died"), True),
        (HandoverLostError("died elsewhere"), True),
        (HandoverError("failed elsewhere"), False),
        (NetworkError("a mirror broke off"), True),
        (DownloadError("no mirror has it"), False),
        (httpx.ConnectError("server away"), True),
        (httpx.HTTPStatusError("503", request=REQUEST, response=httpx.Response(503)), True),
        (httpx.HTTPStatusError("422", request=REQUEST, response=httpx.Response(422)), False),
        (DataError("wrong"), False),
        (StageError("not finite"), False),
        (ValueError("bug"), False),
    ],
)
def test_only_transient_faults_are_retried(error, passes):
    assert is_transient(train, None, Failed(data=error)) is passes  # type: ignore[arg-type]


@pytest.mark.parametrize(("error", "calls"), [(BusyStorageError("busy"), 3), (DataError("x"), 1)])
def test_busy_storage_is_retried_and_a_mistake_of_the_user_is_not(run, error, calls):
    called: list[int] = []

    @stage_task(TRAIN, retries=2, timeout_seconds=60)  # type: ignore[arg-type]
    def fails(run, settings):
        called.append(1)
        if len(called) < 3:
            raise error
        return DeviceReport(device="cpu", environment={})

    @flow
    def once():
        fails.with_options(retry_delay_seconds=0)(run, SETTINGS)

    with nullcontext() if calls == 3 else pytest.raises(type(error)):
        once()
    assert len(called) == calls


def test_timeout_ends_the_keras_process(run, process):
    @stage_task(TRAIN, retries=0, timeout_seconds=1)  # type: ignore[arg-type]
    def hang(run, settings):
        return process.run(stand_in_stage.sleep, settings)

    states: list[State[DeviceReport]] = []

    @flow
    def once():
        states.append(hang(run, SETTINGS, return_state=True))

    process.start()
    child = process._child
    once()
    assert [state.name for state in states] == ["TimedOut"]
    assert not child.is_alive()


def test_stages_are_tasks_with_everything_that_operation_needs():
    from importlib import import_module

    from declared_stages import STAGES

    within_others = {"survey_files", "partition", "ingest_shard", "embed_shard", "predict_shard"}
    within_others |= {"find_neighbors", "fit_reference", "draw_data"}
    within_others |= {"ingest_labelled", "evaluate_model", "report_evaluation"}  # in `evaluate`
    for stage in (one for one in STAGES if one.name not in within_others):
        task = getattr(import_module(f"sightline.tasks.{stage.name}"), stage.name)
        assert task.name == stage.name
        assert task.description
        assert task.retries >= 2
        assert task.timeout_seconds
        assert task.retry_condition_fn is is_transient
        first, second, *_ = task.retry_delay_seconds
        assert second == 2 * first
        assert task.retry_jitter_factor
        assert isinstance(task.cache_policy, VerifiedCache)
        assert task.cache_policy.stage is stage
        assert task.result_serializer == "json"
        assert not task.tags, "each set of tags costs requests for limits"


def test_failing_server_costs_only_the_display(monkeypatch, caplog):
    fail = Mock(side_effect=httpx.ConnectError("server is gone"))
    monkeypatch.setattr(progress, "create_progress_artifact", fail)
    monkeypatch.setattr(artifacts, "create_table_artifact", fail)
    shown = progress.EpochArtifacts()
    shown.update(Progress(stage="train", done=1, epoch=1, epochs=2, epoch_done=True))
    shown.finish()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_unknown_key_is_a_miss(run):
    inputs = {"run": run, "settings": SETTINGS}
    assert VerifiedCache(stage=TRAIN).compute_key(None, inputs, {}) is None  # type: ignore[arg-type]
