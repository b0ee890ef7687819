from contextlib import suppress

import pytest

from searching import BASE, setup
from sightline.errors import ArtifactsRootError, DivergenceError, RunError, StageError
from sightline.experiments.search import study as studies
from sightline.flows.trials import parallel
from sightline.flows.trials.search import Search
from sightline.flows.trials.trial import Epoch, TrialResult
from sightline.records import Run
from sightline.storage.workspace import Workspace


class Killed(BaseException):
    """Stands for a kill."""


class Runner:
    """Trains at once: the accuracy depends on the learning rate, errors on the number."""

    def __init__(self, *, live=True, ends=None, killed_at=None):
        self.live, self.ends, self.killed_at = live, ends or {}, killed_at
        self.trials, self.cancelled = [], 0

    def start(self, trial):
        if self.killed_at == len(self.trials):
            raise Killed
        self.trials.append(trial)
        rate = trial.config.training.learning_rate
        self.rows = [Epoch(epoch=e, metrics={"val_accuracy": rate * e}) for e in range(1, 10)]
        return self

    def epochs(self):
        return self.rows if self.live else []

    def result(self):
        if error := self.ends.get(len(self.trials) - 1):
            raise error
        return TrialResult(epochs=tuple(self.rows), kept=9, seconds=3, cpu_seconds=4)

    def cancel(self):
        self.cancelled += 1


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(parallel, "_POLL_SECONDS", 0)


def search(folder, runner, trials=6):
    """Run a search, and return its trials."""
    asked = setup("training.learning_rate=log(1e-4, 1e-1)")
    workspace = Workspace(folder)
    run = Run(id="tune", workspace=workspace)
    with studies.opened(workspace, "demo", asked) as study:
        with suppress(Killed):
            Search(study, BASE, run, asked.source, lambda trial: None).run(runner, trials, 1)
        return study.trials()


def outcomes(trials):
    return [(one.values, one.state, one.metric, one.epochs) for one in trials]


def test_trials_end_alike_whether_their_epochs_arrive_one_by_one_or_at_the_end(tmp_path):
    live, late = Runner(live=True), Runner(live=False)
    found = search(tmp_path / "live", live)
    assert outcomes(found) == outcomes(search(tmp_path / "late", late))
    states = [one.state for one in found]
    assert {"complete", "pruned"} == set(states)
    assert live.cancelled == states.count("pruned")


def test_killed_search_loses_and_repeats_no_trial(tmp_path):
    whole = search(tmp_path / "whole", Runner())
    before = search(tmp_path / "parts", killed := Runner(killed_at=3))
    assert [one.state for one in before][3] == "running"
    after = search(tmp_path / "parts", resumed := Runner())
    assert outcomes(after) == outcomes(whole)
    ids = [trial.run.id for trial in (*killed.trials, *resumed.trials)]
    assert [one.rpartition("-")[2] for one in ids] == ["t0", "t1", "t2", "t3", "t4", "t5"]
    assert len({one.rpartition("-")[0] for one in ids}) == 1


def test_failed_and_diverged_trials_do_not_end_a_search(tmp_path):
    ends = {0: StageError("no memory"), 1: DivergenceError("not finite")}
    found = search(tmp_path, Runner(live=False, ends=ends), trials=3)
    assert [one.state for one in found] == ["failed", "diverged", "complete"]
    assert [one.message for one in found] == ["no memory", "not finite", ""]
    assert (found[2].seconds, found[2].cpu_seconds) == (3, 4)


def test_worker_with_another_artifacts_root_ends_the_search_and_costs_no_trial(tmp_path):
    with pytest.raises(ArtifactsRootError, match="elsewhere"):
        search(tmp_path, Runner(live=False, ends={0: ArtifactsRootError("elsewhere")}))
    found = search(tmp_path, Runner(live=False), trials=1)
    assert [one.state for one in found] == ["complete"]


def test_search_whose_first_trials_all_fail_ends_with_the_reason(tmp_path):
    ends = dict.fromkeys(range(5), StageError("no memory"))
    with pytest.raises(RunError, match=r"first 3 trials all failed.*no memory"):
        search(tmp_path, Runner(live=False, ends=ends))
