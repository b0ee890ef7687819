import pytest

from excerpts import CONFIG, excerpt, publish, with_training
from sightline.config.tracking import TrackingConfig
from sightline.errors import ConfigError, InputError, RunExistsError
from sightline.experiments import run_folder, seed_noise, seeds
from sightline.records import Source

SOURCE = Source(dataset="mnist", kind="npz", path="anywhere", sha256="c" * 64)


def test_each_of_several_seeds_has_its_own_run(run):
    planned = seeds.plan(with_training(CONFIG, seed=7), run, 3)
    assert [one.run.id for one in planned] == ["test-run-s7", "test-run-s8", "test-run-s9"]
    assert [one.config.training.seed for one in planned] == [7, 8, 9]
    assert {with_training(one.config, seed=0) for one in planned} == {CONFIG}
    assert seeds.plan(CONFIG, run, 1) == [(CONFIG, run)]
    publish(run.workspace.root, excerpt(run.id))
    with pytest.raises(RunExistsError, match=r"'test-run' .*--run-id"):
        seeds.plan(CONFIG, run, 1)


def test_seeds_beyond_the_largest_and_long_ids_are_refused(run):
    largest = with_training(CONFIG, seed=2**31 - 2)
    assert seeds.plan(largest, run, 2)[-1].config.training.seed == 2**31 - 1
    with pytest.raises(ConfigError, match=r"training\.seed"):
        seeds.plan(largest, run, 3)
    with pytest.raises(InputError, match="--run-id"):
        seeds.plan(CONFIG, run.model_copy(update={"id": "x" * 118}), 2)


def test_completed_seeds_are_not_trained_again(run):
    publish(run.workspace.root, excerpt("test-run-s0", seed=0), excerpt("test-run-s2", seed=2))
    tracked = CONFIG.model_copy(update={"tracking": TrackingConfig(tensorboard=True)})
    left = seeds.unfinished(seeds.plan(tracked, run, 4), SOURCE)
    assert [one.run.id for one in left] == ["test-run-s1", "test-run-s3"]


def test_run_with_other_config_or_data_is_not_a_completed_seed(run):
    publish(run.workspace.root, excerpt("test-run-s1", seed=1))
    planned = seeds.plan(CONFIG, run, 2)
    with pytest.raises(RunExistsError, match=r"'test-run-s1' .* other data; .*--run-id"):
        seeds.unfinished(planned, SOURCE.model_copy(update={"sha256": "d" * 64}))
    planned = seeds.plan(with_training(CONFIG, epochs=9), run, 2)
    with pytest.raises(RunExistsError, match=r"'test-run-s1' .* other config; .*--run-id"):
        seeds.unfinished(planned, SOURCE)
    run_folder.folder(run.workspace, "test-run-s0").mkdir(parents=True)
    with pytest.raises(InputError, match=r"test-run-s0/manifest\.json"):
        seeds.unfinished(planned, SOURCE)


def test_results_of_all_seeds_are_summarized_and_their_band_is_stored(run):
    publish(
        run.workspace.root,
        excerpt("n-s0", seed=0, accuracy=0.98, seconds=20),
        excerpt("n-s1", seed=1, accuracy=0.99, seconds=10),
    )
    summary = seeds.measure(run.workspace, ["n-s0", "n-s1"])
    results = [(one.seed, one.test_accuracy, one.total_seconds) for one in summary.runs]
    assert results == [(0, 0.98, 20), (1, 0.99, 10)]
    assert summary.noise.accuracy.mean == pytest.approx(0.985)
    assert seed_noise.read(run.workspace, summary.noise) == summary.noise
    assert summary.noise_file == str(run.workspace.path(summary.noise.key))
