import json
import re
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from rich.console import Console

from sightline.config import loading
from sightline.data import locate
from sightline.experiments import run_folder, seed_noise
from sightline.experiments import seeds as seed_runs
from sightline.experiments.seeds import SeedSummary
from sightline.flows.cli import seeds_table
from sightline.flows.cli import train as command
from sightline.flows.deployments import train
from sightline.flows.preflight import Preflight
from sightline.flows.train_seeds import seeds_flow
from sightline.flows.trials.runners import RunnerName
from sightline.flows.trials.seeds import train_side_by_side
from sightline.records import Run
from sightline.storage.workspace import Workspace
from tiny_run import artifacts, form, tiny

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

SEEDED = ("training.epochs=1", "training.seed=3")


@pytest.fixture
def asked(data, root, monkeypatch):
    """The form that says what `SEEDED` says, on a worker."""
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(root))
    return form(data, epochs=1, seed=3)


@pytest.fixture(scope="module")
def summary(prefect_api, keras, data, root):
    """Two seeds in one run of the deployed flow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_ARTIFACTS", str(root))
        summary = train(**form(data, epochs=1, seed=3), seeds=2)
    assert isinstance(summary, SeedSummary)
    return summary


def test_every_seed_has_its_run_shares_what_does_not_depend_on_it_and_the_noise_band(summary, root):
    first, second = (run_folder.read(Workspace(root), one.run_id) for one in summary.runs)
    assert [run.config.training.seed for run in (first, second)] == [3, 4]
    assert first.run_id.endswith("-s3")
    assert first.weights_sha256 != second.weights_sha256
    cached = [name for name, stage in second.stages.items() if stage.cached]
    assert cached == ["ingest", "preprocess", "build"]
    assert first.flow_run_id == second.flow_run_id
    assert second.total_seconds < (second.created - first.created).total_seconds() + 1
    for run in (first, second):
        assert seed_noise.band_of(Workspace(root), run) == summary.noise
    assert summary.noise.seeds == (3, 4)
    assert summary.noise.accuracy.values == tuple(one.test_accuracy for one in summary.runs)


def test_spread_and_history_are_shown_in_prefect(summary, root):
    found = artifacts(run_folder.read(Workspace(root), summary.runs[0].run_id))
    rows = json.loads(str(found["seed-noise"].data))
    assert [row["seed"] for row in rows] == [3, 4]
    assert "standard deviation" in str(found["seed-noise"].description)
    picture = str(found["accuracy-history"].data)
    assert picture.startswith("data:image/png;base64,")
    assert len(picture) < 100_000


def test_run_is_unchanged_once_all_seeds_are_measured(summary, root, asked):
    before = run_folder.run_ids(Workspace(root))
    state = train(**asked, seeds=2, return_state=True)
    assert (state.name, run_folder.run_ids(Workspace(root))) == ("Unchanged", before)
    single = train(**asked, return_state=True)
    assert single.name == "Unchanged", "its run is among them, though not the last"


def test_missing_seed_or_noise_band_is_a_change(summary, data, root):
    config = tiny(data, *SEEDED)
    source = locate.locate(config.data)

    def compared(seeds):
        planned = seed_runs.plan(config, Run(id="asked", workspace=Workspace(root)), seeds)
        return seed_runs.since_last(planned, source)

    assert compared(1).run_id == summary.runs[0].run_id
    assert compared(2).unchanged
    assert compared(3).changes == ("config (training.seed 4 -> 5)",)
    Path(summary.noise_file).unlink()
    assert compared(2).changes == ("the noise band (not measured)",)
    seed_noise.write(Workspace(root), summary.noise)
    assert compared(2).unchanged


def test_same_command_resumes_with_the_missing_seeds(summary, data, root):
    run_id = summary.runs[0].run_id.removesuffix("-s3")
    config = tiny(data, *SEEDED)
    before = run_folder.run_ids(Workspace(root))
    again = seeds_flow(config, Run(id=run_id, workspace=Workspace(root)), 2)
    assert run_folder.run_ids(Workspace(root)) == before
    assert again.runs == summary.runs


def test_seeds_side_by_side_are_measured_as_one_after_the_other(summary, data, root):
    run_id = summary.runs[0].run_id.removesuffix("-s3")
    config = tiny(data, *SEEDED)
    planned = seed_runs.plan(config, Run(id=run_id, workspace=Workspace(root)), 2)
    source = locate.locate(config.data)
    again = train_side_by_side(Mock(), planned, seed_runs.unfinished(planned, source), source, 2)
    assert (again.runs, again.noise.accuracy) == (summary.runs, summary.noise.accuracy)


@pytest.mark.parametrize(
    ("runner", "parallel", "left", "expected"),
    [
        ("ray", None, 1, True),
        ("deployments", None, 2, True),
        ("auto", 2, 1, True),
        ("auto", None, 2, False),
        ("ray", 2, 0, False),
    ],
)
def test_chosen_runner_trains_every_seed_that_is_left(runner, parallel, left, expected):
    checked = SimpleNamespace(planned=range(2), unfinished=range(left))
    assert command._needs_runner(checked, RunnerName(runner), parallel) is expected


@pytest.mark.parametrize("deployment", [None, "shard/shard-cpu"])
def test_seeds_side_by_side_leave_shards_to_their_deployment(deployment, tmp_path, monkeypatch):
    for name in ("ingest_ahead", "train_side_by_side"):
        monkeypatch.setattr(command, name, Mock())
    config = loading.load("quickstart", dataset="mnist")
    data = config.data.model_copy(update={"shard_deployment": deployment})
    run = Run(id="asked", workspace=Workspace(tmp_path))
    planned = seed_runs.plan(config.model_copy(update={"data": data}), run, 2)
    checked = Preflight(planned[0].config, run, planned, planned, locate.locate(data))
    command._start_side_by_side(checked, Mock(at_once=2))
    assert command.ingest_ahead.called is (deployment is None)
    assert command.train_side_by_side.called


def test_terminal_shows_each_seed_and_the_spread(summary):
    written = StringIO()
    seeds_table.show(summary, Console(width=200, file=written))
    text = written.getvalue()
    for one in summary.runs:
        assert re.search(rf"{one.seed} +│ {one.test_accuracy:.2%}", text), text
        assert one.run_id in text
    assert re.search(r"mean \d+\.\d{3}%, 95 % interval of the mean", text)
    assert re.search(r"standard deviation \d+\.\d{3} points, .* by at most \d+\.\d{3} points", text)
    assert summary.noise_file in text
