import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from excerpts import CONFIG, excerpt, with_recipe, with_training
from sightline.errors import InputError
from sightline.records.manifest import ManifestExcerpt
from sightline.runs import seed_noise
from sightline.runs.seed_noise import NoiseBand
from sightline.storage.workspace import Workspace

ACCURACIES = (0.9912, 0.9899, 0.9905, 0.9921, 0.9908)
LOSSES = (0.031, 0.035, 0.029, 0.027, 0.033)


def seeds(**changed: Any) -> list[ManifestExcerpt]:
    return [
        excerpt(f"night-s{seed}", seed=seed, accuracy=accuracy, loss=loss, **changed)
        for seed, (accuracy, loss) in enumerate(zip(ACCURACIES, LOSSES, strict=True))
    ]


@pytest.fixture
def band() -> NoiseBand:
    return seed_noise.measure(seeds())


def test_spread_is_what_scipy_says_of_the_sample(band: NoiseBand) -> None:
    for found, sample in ((band.accuracy, ACCURACIES), (band.loss, LOSSES)):
        low, high = stats.t.interval(
            0.95, len(sample) - 1, loc=np.mean(sample), scale=stats.sem(sample)
        )
        assert found.values == sample
        assert found.mean == pytest.approx(np.mean(sample), rel=1e-12)
        assert found.deviation == pytest.approx(np.std(sample, ddof=1), rel=1e-9)
        assert found.mean - found.half_width == pytest.approx(low, rel=1e-9)
        assert found.mean + found.half_width == pytest.approx(high, rel=1e-9)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_two_runs_of_a_recipe_differ_by_more_than_the_noise_in_5_of_100_cases(count: int) -> None:
    generator = np.random.default_rng(count)
    within = []
    for _ in range(2000):
        *sample, one, other = generator.normal(0.99, 0.001, count + 2)
        within.append(abs(one - other) <= seed_noise._spread(sample).difference)
    assert np.mean(within) == pytest.approx(0.95, abs=0.015)


def test_band_names_its_runs_by_seed_whatever_their_order() -> None:
    band = seed_noise.measure(list(reversed(seeds())))
    assert band.seeds == (0, 1, 2, 3, 4)
    assert band.run_ids == tuple(f"night-s{seed}" for seed in range(5))
    assert band.accuracy.values == ACCURACIES
    assert (band.dataset, band.recipe, band.code_sha256) == ("mnist", "tutorial", "b" * 64)


def test_band_of_runs_of_different_code_names_none() -> None:
    first, second, *_ = seeds()
    assert seed_noise.measure([first, second.model_copy(update={"code_sha256": "d" * 64})]).seeds
    assert (
        seed_noise.measure([first, second.model_copy(update={"code_sha256": "d" * 64})]).code_sha256
        is None
    )


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([], "seeds 0"),
        ([excerpt("again", seed=0)], "seeds 0, 0"),
        ([excerpt("b", seed=1, source_sha256="d" * 64)], "'a' and 'b' differ in more"),
        ([excerpt("b", config=with_training(CONFIG, seed=1, epochs=9))], "'a' and 'b' differ"),
        ([excerpt("b", config=with_recipe(CONFIG, "other"), seed=1)], "'a' and 'b' differ"),
    ],
)
def test_runs_that_are_not_alike_but_for_their_seed_are_refused(
    second: list[ManifestExcerpt], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        seed_noise.measure([excerpt("a", seed=0), *second])


def test_stored_band_fits_every_seed_of_the_same_data_and_settings(
    tmp_path: Path, band: NoiseBand
) -> None:
    place = seed_noise.write(Workspace(tmp_path), band)
    assert place.parent == tmp_path / "noise"
    assert place.name.startswith("mnist-tutorial-")
    assert seed_noise.find(Workspace(tmp_path), excerpt(seed=77)) == band
    deployed = with_training(CONFIG, deployment="fit/fit-gpu", checkpoint_seconds=1)
    report = CONFIG.report.model_copy(update={"mistakes": 3})
    assert seed_noise.find(Workspace(tmp_path), excerpt(config=deployed)) == band
    assert seed_noise.find(
        Workspace(tmp_path), excerpt(config=CONFIG.model_copy(update={"report": report}))
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"source_sha256": "d" * 64},
        {"dataset": "fashion-mnist"},
        {"config": with_recipe(CONFIG, "other")},
        {"config": with_training(CONFIG, learning_rate=0.5)},
        {"config": CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"seed": 1})})},
    ],
)
def test_stored_band_fits_no_run_of_other_data_or_settings(
    tmp_path: Path, band: NoiseBand, changed: dict[str, Any]
) -> None:
    seed_noise.write(Workspace(tmp_path), band)
    other = excerpt(**changed)
    assert seed_noise.find(Workspace(tmp_path), other) is None
    source = (other.records.ingest.dataset, other.source_sha256, other.config)
    (tmp_path / "noise" / seed_noise.path(Workspace(tmp_path), *source).name).write_bytes(
        next((tmp_path / "noise").iterdir()).read_bytes()
    )
    assert seed_noise.find(Workspace(tmp_path), other) is None, (
        "a copy under its name is still another's"
    )


def test_measuring_again_replaces_the_band(tmp_path: Path, band: NoiseBand) -> None:
    seed_noise.write(Workspace(tmp_path), band)
    again = seed_noise.measure(seeds()[:2])
    seed_noise.write(Workspace(tmp_path), again)
    assert seed_noise.find(Workspace(tmp_path), excerpt()) == again
    assert len(list((tmp_path / "noise").iterdir())) == 1


@pytest.mark.parametrize("damage", ["bit", "empty", "folder", "seal"])
def test_damaged_band_is_reported_and_left_out(
    tmp_path: Path, band: NoiseBand, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = seed_noise.write(Workspace(tmp_path), band)
    text = place.read_bytes()
    place.unlink()
    if damage == "folder":
        place.mkdir()
    else:
        changed = {"bit": text.replace(b"0.9912", b"0.9913"), "empty": b"", "seal": text[:-60]}
        place.write_bytes(changed[damage])
    with caplog.at_level(logging.WARNING, "sightline"):
        assert seed_noise.find(Workspace(tmp_path), excerpt()) is None
    assert str(place) in caplog.text


def test_no_band_is_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert seed_noise.find(Workspace(tmp_path), excerpt()) is None
    assert caplog.text == ""
