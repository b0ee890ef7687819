import os

import pytest

from examples import write_npz
from processes import is_running, wait_for
from sightline.data import locate
from sightline.errors import DataError, KerasProcessError
from sightline.flows.trials import local
from sightline.flows.trials.local import LocalRunner
from sightline.flows.trials.trial import Trial
from sightline.records import Run
from sightline.storage.workspace import Workspace
from tiny_run import tiny


@pytest.fixture
def runner(prefect_api, monkeypatch):
    from prefect.settings import PREFECT_API_URL

    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    runner = LocalRunner(2)
    yield runner
    runner.close()


def trial(folder, **changes):
    config = tiny(write_npz(folder / "textures.npz"), "training.epochs=5000")
    source = locate.locate(config.data)
    run = Run(id="t0", workspace=Workspace(folder / "artifacts"))
    return Trial(config=config, run=run, source=source.model_copy(update=changes))


def ended(attempt):
    def result():
        attempt.epochs()
        return attempt.result()

    return wait_for("the trial ends", result)


def test_error_of_a_trial_comes_back_and_the_process_is_used_again(runner, tmp_path):
    missing = trial(tmp_path, kind="file", path=str(tmp_path / "missing.npz"))
    first = runner.start(missing)
    with pytest.raises(DataError, match="missing"):
        ended(first)
    second = runner.start(missing)
    assert second.pid == first.pid
    with pytest.raises(DataError, match="missing"):
        ended(second)


def test_process_of_a_cancelled_trial_runs_the_next_one_which_hears_of_nothing_else(
    runner, tmp_path
):
    first = runner.start(trial(tmp_path))
    wait_for("the first epoch", first.epochs)
    first.cancel()
    second = runner.start(trial(tmp_path, kind="file", path=str(tmp_path / "missing.npz")))
    assert second.pid == first.pid
    with pytest.raises(DataError, match="missing"):
        ended(second)
    runner.close()
    assert not is_running(first.pid)


def test_dead_process_is_a_transient_error(runner, tmp_path):
    attempt = runner.start(trial(tmp_path))
    os.kill(attempt.pid, 9)
    with pytest.raises(KerasProcessError, match="signal 9"):
        ended(attempt)


@pytest.mark.parametrize(("parallel", "share"), [(1, None), (2, 4), (3, 2), (16, 1)])
def test_cores_are_divided_between_the_processes(parallel, share, monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 8)
    assert LocalRunner(parallel).share == share
