import logging

import numpy as np
import pytest
from scipy import stats

from excerpts import CONFIG, excerpt, with_recipe, with_training
from sightline.errors import InputError
from sightline.experiments import seed_noise

ACCURACIES = (0.9912, 0.9899, 0.9905, 0.9921, 0.9908)
LOSSES = (0.031, 0.035, 0.029, 0.027, 0.033)
RUNS = [
    excerpt(f"night-s{seed}", seed=seed, accuracy=accuracy, loss=loss)
    for seed, (accuracy, loss) in enumerate(zip(ACCURACIES, LOSSES, strict=True))
]


def test_band_lists_its_runs_by_seed_and_their_spread_agrees_with_scipy():
    band = seed_noise.measure(RUNS[::-1])
    assert band.seeds == (0, 1, 2, 3, 4)
    assert band.run_ids == tuple(f"night-s{seed}" for seed in range(5))
    assert (band.dataset, band.recipe, band.code_sha256) == ("mnist", "tutorial", "b" * 64)
    other_code = RUNS[1].model_copy(update={"code_sha256": "d" * 64})
    assert seed_noise.measure([RUNS[0], other_code]).code_sha256 is None
    for found, sample in ((band.accuracy, ACCURACIES), (band.loss, LOSSES)):
        low, high = stats.t.interval(0.95, 4, loc=np.mean(sample), scale=stats.sem(sample))
        assert found.values == sample
        expected = (np.mean(sample), np.std(sample, ddof=1), (high - low) / 2)
        assert (found.mean, found.deviation, found.half_width) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [2, 10])
def test_two_equal_runs_differ_by_more_than_the_noise_in_5_of_100_cases(count):
    generator = np.random.default_rng(count)
    within = []
    for _ in range(2000):
        *sample, one, other = generator.normal(0.99, 0.001, count + 2)
        within.append(abs(one - other) <= seed_noise._spread(sample).difference)
    assert np.mean(within) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([], "seeds 0"),
        ([excerpt("again", seed=0)], "seeds 0, 0"),
        ([excerpt("b", seed=1, source_sha256="d" * 64)], "'a' and 'b'"),
        ([excerpt("b", config=with_training(CONFIG, seed=1, epochs=9))], "'a' and 'b'"),
        ([excerpt("b", config=with_recipe(CONFIG, "other"), seed=1)], "'a' and 'b'"),
    ],
)
def test_unsuitable_runs_are_refused(second, message):
    with pytest.raises(InputError, match=message):
        seed_noise.measure([excerpt("a", seed=0), *second])


def test_band_applies_to_equal_data_and_settings(workspace):
    band = seed_noise.measure(RUNS)
    path = seed_noise.write(workspace, band)
    assert path.parent == workspace.path("noise")
    assert path.name.startswith("mnist-tutorial-")
    assert path == seed_noise.write(workspace, seed_noise.measure(RUNS[:2]))
    assert path == seed_noise.write(workspace, band), "a new band replaces the old one"
    deployed = with_training(CONFIG, seed=77, deployment="fit/fit-gpu", checkpoint_seconds=1)
    report = CONFIG.report.model_copy(update={"mistakes": 3})
    for config in (deployed, CONFIG.model_copy(update={"report": report})):
        assert seed_noise.band_of(workspace, excerpt(config=config)) == band
    reseeded = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"seed": 1})})
    for other in (
        excerpt(source_sha256="d" * 64),
        excerpt(dataset="fashion-mnist"),
        excerpt(config=with_recipe(CONFIG, "other")),
        excerpt(config=with_training(CONFIG, learning_rate=0.5)),
        excerpt(config=reseeded),
    ):
        assert seed_noise.band_of(workspace, other) is None
        workspace.path(seed_noise.setup_of_run(other).key).write_bytes(path.read_bytes())
        assert seed_noise.band_of(workspace, other) is None, "not even as a copy under its name"


def test_missing_band_is_ignored_and_a_damaged_one_is_reported(workspace, caplog):
    assert seed_noise.band_of(workspace, excerpt()) is None
    assert caplog.text == ""
    path = seed_noise.write(workspace, seed_noise.measure(RUNS))
    text = path.read_bytes()
    for damaged in (text.replace(b"0.9912", b"0.9913"), b"", text[:-60]):
        path.write_bytes(damaged)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "sightline"):
            assert seed_noise.band_of(workspace, excerpt()) is None
        assert str(path) in caplog.text
