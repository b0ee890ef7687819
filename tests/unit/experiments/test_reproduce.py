import re

import pytest

import made_runs
from examples import write_npz
from excerpts import measure_noise
from runs_to_compare import ENVIRONMENT, publish
from sightline.config import RunConfig, loading
from sightline.data import locate
from sightline.errors import DataError, InputError
from sightline.experiments import reproduce


@pytest.fixture
def original(workspace, dataset):
    return publish(workspace.root, "run", dataset, [4, 8, 20])


def with_config(original, *overrides):
    config = loading.load("tutorial", overrides=list(overrides))
    return original.model_copy(update={"config": config})


@pytest.fixture
def repeat(workspace, dataset, original):
    """Reproduce the original in another environment, with some rows wrong."""

    def check(wrong, run=original, **known):
        known = {"environment": ENVIRONMENT | {"cores": 8}, "weights": "f"} | known
        again = publish(workspace.root, "again", dataset, wrong, **known)
        return reproduce.check(workspace, run, again)

    return check


@pytest.mark.parametrize(
    ("wrong", "weights", "exit_code", "sentence"),
    [
        ([4, 8, 20], "a", 0, "bit for bit.*92.50%"),
        ([4, 8, 30, 31], "f", 3, r"within the noise.*\(pipeline.cores differs\)"),
        (range(20), "f", 4, "Not reproduced.*42.50 points"),
    ],
)
def test_outcome_depends_on_weights_and_accuracy(repeat, wrong, weights, exit_code, sentence):
    found = repeat(wrong, weights=weights)
    assert found.exit_code == reproduce.EXIT_CODES[found.outcome] == exit_code
    assert re.search(sentence, found.sentence)
    assert "combined 95% interval" in found.tolerance_source


def test_measured_seed_noise_is_the_tolerance(workspace, original, repeat):
    measure_noise(workspace, original.config, 0.9, 0.9, 0.9, dataset="textures")
    found = repeat([4])
    assert (found.exit_code, found.tolerance) == (4, 0.0)
    assert found.tolerance_source == "the seed noise of 3 seeds"


@pytest.mark.parametrize(("deterministic", "exit_code"), [("true", 4), ("false", 3)])
def test_equal_environment_must_give_equal_weights_if_training_is_deterministic(
    original, repeat, deterministic, exit_code
):
    run = with_config(original, f"training.deterministic={deterministic}")
    assert repeat([4, 8, 20], run, environment=ENVIRONMENT).exit_code == exit_code


def test_combined_interval_is_newcombes():
    # Newcombe (1998), table II: 56/70 and 48/80 differ by 0.2, interval 0.0524 to 0.3339.
    high = made_runs.evaluated(accuracy=56 / 70, accuracy_interval=(0.6918, 0.8769))
    low = made_runs.evaluated(accuracy=48 / 80, accuracy_interval=(0.4904, 0.7003))
    half = reproduce.combined_half_width(low, high)
    assert 0.2 - half == pytest.approx(0.0524, abs=3e-4)
    assert reproduce.combined_half_width(high, low) == half


def test_plan_refreshes_and_promotes_nothing(workspace, original):
    long = with_config(original, "promotion.gate=enforce", "data_gate.drift.action=fail")
    long = long.model_copy(update={"run_id": "r" * 120})
    config, run = reproduce.plan(workspace, long, locate.locate(long.config.data))
    assert re.fullmatch(r"r{107}-again-[0-9a-f]{6}", run.id)
    assert run.refresh
    assert run.repeats == long.run_id
    assert config.promotion.gate == "off"
    assert config.data_gate.drift.action == "warn"
    assert config.data_gate.left_out.fail_above == 1
    assert RunConfig.model_validate(config.model_dump()) == config
    changed = {"promotion", "data_gate"}
    assert config.model_dump(exclude=changed) == long.config.model_dump(exclude=changed)


def trained_on(original, path, as_given):
    source = locate.locate(loading.load("tutorial", dataset=str(path)).data)
    ingest = original.records.ingest.model_copy(update={"source": str(path)})
    records = original.records.model_copy(update={"ingest": ingest})
    changed = {"config": loading.load("tutorial", dataset=as_given), "records": records}
    return original.model_copy(update={"source_sha256": source.sha256, **changed})


def test_data_are_found_from_another_folder(workspace, original, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    write_npz(here / "textures.npz", train=200)  # other data of the same name
    monkeypatch.chdir(here)
    path = write_npz(tmp_path / "textures.npz")
    for as_given in ("./textures.npz", "textures.npz"):
        moved = trained_on(original, path, as_given)
        source = reproduce.find_source(moved)
        assert source.path == str(path)
        assert reproduce.plan(workspace, moved, source)[0].data.dataset == source.path


def test_changed_data_are_refused_with_both_digests(original, tmp_path):
    path = write_npz(tmp_path / "mine.npz")
    run = trained_on(original, path, str(path))
    write_npz(path, train=200)
    with pytest.raises(InputError, match=rf"expected SHA-256 {run.source_sha256}, found [0-9a-f]"):
        reproduce.find_source(run)
    path.unlink()
    with pytest.raises(DataError, match=r"mine\.npz"):
        reproduce.find_source(run)
