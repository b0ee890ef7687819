from pathlib import Path

import pytest

from excerpts import CONFIG, excerpt, publish, with_training
from sightline.errors import ConfigError, InputError, RunExistsError
from sightline.records import Run, Source
from sightline.runs import run_folder, seed_noise, seeds
from sightline.storage.workspace import Workspace

SOURCE = Source(dataset="mnist", kind="npz", path="anywhere", sha256="c" * 64)


def test_seeds_follow_one_another_in_runs_of_their_own(run: Run) -> None:
    planned = seeds.plan(with_training(CONFIG, seed=7), run, 3)
    assert [one.run.id for one in planned] == ["test-run-s7", "test-run-s8", "test-run-s9"]
    assert [one.config.training.seed for one in planned] == [7, 8, 9]
    assert {with_training(one.config, seed=0) for one in planned} == {CONFIG}


def test_single_seed_is_a_plain_run(run: Run) -> None:
    assert seeds.plan(CONFIG, run, 1) == [(CONFIG, run)]
    publish(run.workspace.root, excerpt(run.id))
    with pytest.raises(RunExistsError, match=r"'test-run' .*--run-id"):
        seeds.plan(CONFIG, run, 1)


def test_seeds_beyond_the_largest_are_refused(run: Run) -> None:
    largest = with_training(CONFIG, seed=2**31 - 2)
    assert seeds.plan(largest, run, 2)[-1].config.training.seed == 2**31 - 1
    with pytest.raises(ConfigError, match=r"training\.seed"):
        seeds.plan(largest, run, 3)


@pytest.mark.parametrize("run_id", ["../x", "x" * 118])
def test_run_id_that_is_no_name_with_a_seed_is_refused(run: Run, run_id: str) -> None:
    with pytest.raises(InputError, match="--run-id"):
        seeds.plan(CONFIG, run.model_copy(update={"id": run_id}), 2)


def test_seeds_that_are_finished_are_not_trained_again(run: Run) -> None:
    publish(run.workspace.root, excerpt("test-run-s0", seed=0), excerpt("test-run-s2", seed=2))
    left = seeds.unfinished(seeds.plan(CONFIG, run, 4), SOURCE)
    assert [one.run.id for one in left] == ["test-run-s1", "test-run-s3"]


def test_run_of_other_data_or_config_is_not_taken_for_a_finished_seed(run: Run) -> None:
    publish(run.workspace.root, excerpt("test-run-s1", seed=1))
    planned = seeds.plan(with_training(CONFIG, epochs=9), run, 2)
    with pytest.raises(RunExistsError, match=r"'test-run-s1' already exists .* other config"):
        seeds.unfinished(planned, SOURCE)
    planned = seeds.plan(CONFIG, run, 2)
    with pytest.raises(RunExistsError, match=r"'test-run-s1' already exists .* other data"):
        seeds.unfinished(planned, SOURCE.model_copy(update={"sha256": "d" * 64}))


def test_folder_that_is_no_run_is_refused_with_its_manifest(run: Run) -> None:
    run_folder.folder(run.workspace, "test-run-s0").mkdir(parents=True)
    with pytest.raises(InputError, match=r"test-run-s0/manifest\.json"):
        seeds.unfinished(seeds.plan(CONFIG, run, 2), SOURCE)


def test_measured_seeds_are_summed_up_and_their_band_is_stored(tmp_path: Path) -> None:
    publish(
        tmp_path,
        excerpt("n-s0", seed=0, accuracy=0.98, seconds=20),
        excerpt("n-s1", seed=1, accuracy=0.99, seconds=10),
    )
    summary = seeds.measure(Workspace(tmp_path), ["n-s0", "n-s1"])
    assert [(one.seed, one.test_accuracy, one.total_seconds) for one in summary.runs] == [
        (0, 0.98, 20),
        (1, 0.99, 10),
    ]
    assert summary.noise.accuracy.mean == pytest.approx(0.985)
    assert seed_noise.read(Path(summary.noise_file)) == summary.noise
