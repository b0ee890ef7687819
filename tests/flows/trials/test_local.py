import os

import pytest

from processes import is_running, wait_for
from searching import BASE
from sightline.data import locate
from sightline.errors import DataError, KerasProcessError
from sightline.flows.trials.local import LocalRunner
from sightline.flows.trials.trial import Trial
from sightline.pipeline.provenance import cores
from sightline.records import Run
from sightline.storage.workspace import Workspace


@pytest.fixture
def runner(prefect_api, monkeypatch):
    from prefect.settings import PREFECT_API_URL

    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    runner = LocalRunner(2)
    yield runner
    runner.close()


def trial(folder, **changes):
    source = locate.locate(BASE.data)
    run = Run(id="t0", workspace=Workspace(folder / "artifacts"))
    return Trial(config=BASE, run=run, source=source.model_copy(update=changes))


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


def test_cancelled_trial_ends_its_process_without_a_wait_for_it(runner, tmp_path):
    attempt = runner.start(trial(tmp_path))
    attempt.cancel()
    runner.close()
    assert not is_running(attempt.pid)


def test_dead_process_is_a_transient_error(runner, tmp_path):
    attempt = runner.start(trial(tmp_path))
    os.kill(attempt.pid, 9)
    with pytest.raises(KerasProcessError, match="signal 9"):
        ended(attempt)


def test_cores_are_divided_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    divided = LocalRunner(2).environment
    assert divided["OMP_NUM_THREADS"] == str(max(1, cores() // 2))
    assert divided["TF_NUM_INTRAOP_THREADS"] == "7"
    assert "OMP_NUM_THREADS" not in LocalRunner(1).environment
