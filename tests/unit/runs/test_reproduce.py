import re
from pathlib import Path

import pytest

import runs_to_compare
from examples import write_npz
from excerpts import with_training
from runs_to_compare import ENVIRONMENT, publish
from sightline.config import RunConfig, loading
from sightline.data import locate
from sightline.errors import DataError, InputError
from sightline.records import DatasetFiles, DeviceReport
from sightline.records.manifest import RunManifest
from sightline.runs import conditions, reproduce, run_folder, seed_noise, tolerance
from sightline.storage.workspace import Workspace

OTHER_CORES = {**ENVIRONMENT, "cores": 8}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def files(root: Path, tmp_path: Path) -> DatasetFiles:
    return runs_to_compare.ingested(root, tmp_path)


@pytest.fixture
def original(root: Path, files: DatasetFiles) -> RunManifest:
    return publish(root, "run", files, [4, 8, 20])


def asked_for(original: RunManifest, *overrides: str) -> RunManifest:
    config = loading.load("tutorial", overrides=list(overrides))
    return original.model_copy(update={"config": config})


def test_equal_weights_are_reproduced_bit_for_bit(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    again = publish(root, "again", files, [4, 8, 20], environment=OTHER_CORES)
    verdict = reproduce.judge(Workspace(root), original, again)
    assert (verdict.outcome, verdict.exit_code) == ("bit for bit", 0)
    assert (verdict.fixed, verdict.broken, verdict.p_value) == (0, 0, 1.0)
    assert "92.50% then, 92.50% now" in verdict.sentence


def test_another_environment_may_give_other_weights_within_the_noise(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    again = publish(root, "again", files, [4, 8, 30, 31], environment=OTHER_CORES, weights="f")
    verdict = reproduce.judge(Workspace(root), original, again)
    assert (verdict.outcome, verdict.exit_code) == ("within the noise", 3)
    (cores,) = (one for one in verdict.conditions if not one.equal)
    assert (cores.name, cores.recorded, cores.now) == ("pipeline.cores", 2, 8)
    python = next(one for one in verdict.conditions if one.name == "pipeline.python")
    assert (python.recorded, python.now) == ("3.11.7", "3.11.7")
    assert (verdict.fixed, verdict.broken) == (1, 2)
    assert "the combined 95% interval of both" in verdict.sentence
    assert "(pipeline.cores differs)" in verdict.sentence


def test_a_difference_beyond_the_noise_is_not_reproduced(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    again = publish(root, "again", files, range(20), environment=OTHER_CORES, weights="f")
    verdict = reproduce.judge(Workspace(root), original, again)
    assert (verdict.outcome, verdict.exit_code) == ("not reproduced", 4)
    assert "92.50% then, 50.00% now, 42.50 points apart" in verdict.sentence


def test_measured_seed_noise_is_what_counts(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    seeds = [
        original.model_copy(update={"config": with_training(original.config, seed=seed)})
        for seed in range(3)
    ]
    seed_noise.write(
        Workspace(root), seed_noise.measure(seeds)
    )  # all equally good: no difference is noise
    again = publish(root, "again", files, [4, 8], environment=OTHER_CORES, weights="f")
    verdict = reproduce.judge(Workspace(root), original, again)
    assert (verdict.exit_code, verdict.tolerance) == (4, 0.0)
    assert "allowed 0.00 by the seed noise of 3 seeds" in verdict.sentence


def test_equal_environment_must_give_equal_weights_however_small_the_difference(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    again = publish(root, "again", files, [4, 8, 20], weights="f")
    verdict = reproduce.judge(Workspace(root), original, again)
    assert (verdict.outcome, verdict.exit_code) == ("not reproduced", 4)
    assert "although data, code and environment are equal" in verdict.sentence


def test_training_that_need_not_be_deterministic_may_differ_anywhere(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    free = asked_for(original, "training.deterministic=false")
    again = publish(root, "again", files, [4, 8, 20], weights="f")
    verdict = reproduce.judge(Workspace(root), free, again)
    assert (verdict.outcome, verdict.exit_code) == ("within the noise", 3)
    assert "(the training is not deterministic)" in verdict.sentence


def test_combined_interval_is_newcombes(root: Path, files: DatasetFiles) -> None:
    # Newcombe (1998), table II: 56/70 and 48/80 differ by 0.2, interval 0.0524 to 0.3339.
    low = publish(root, "low", files, []).records.evaluate
    high = low.model_copy(update={"accuracy": 56 / 70, "accuracy_interval": (0.6918, 0.8769)})
    low = low.model_copy(update={"accuracy": 48 / 80, "accuracy_interval": (0.4904, 0.7003)})
    half = tolerance.combined_half_width(low, high)
    assert 0.2 - half == pytest.approx(0.0524, abs=3e-4)
    assert tolerance.combined_half_width(high, low) == half


def test_run_is_planned_anew_without_promotion_and_under_an_id_of_its_own(
    root: Path, original: RunManifest
) -> None:
    long = asked_for(original, "promotion.gate=enforce", "data_gate.drift.action=fail").model_copy(
        update={"run_id": "r" * 120}
    )
    source = locate.locate(long.config.data)
    config, run = reproduce.plan(Workspace(root), long, source)
    assert re.fullmatch(r"r{107}-again-[0-9a-f]{6}", run.id)
    assert run.refresh
    assert run.repeats == long.run_id
    assert config.promotion.gate == "off"
    assert config.data_gate.drift.action == "warn"
    assert RunConfig.model_validate(config.model_dump()) == config
    unchanged = {"promotion", "gate"}
    assert config.model_dump(exclude=unchanged) == long.config.model_dump(exclude=unchanged)


def made_from(original: RunManifest, path: Path, as_given: str) -> RunManifest:
    source = locate.locate(loading.load("tutorial", dataset=str(path)).data)
    ingest = original.records.ingest.model_copy(update={"source": str(path)})
    return original.model_copy(
        update={
            "config": loading.load("tutorial", dataset=as_given),
            "records": original.records.model_copy(update={"ingest": ingest}),
            "source_sha256": source.sha256,
        }
    )


def test_data_are_found_from_another_folder(original: RunManifest, tmp_path: Path) -> None:
    moved = made_from(original, tmp_path / "textures.npz", "./textures.npz")
    source = reproduce.find_source(moved)
    assert source.path == str(tmp_path / "textures.npz")
    config, _ = reproduce.plan(Workspace(tmp_path / "artifacts"), moved, source)
    assert config.data.dataset == source.path


def test_other_data_of_the_same_name_in_this_folder_are_not_taken_for_those_of_then(
    original: RunManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    write_npz(here / "textures.npz", train=200)
    moved = made_from(original, tmp_path / "textures.npz", "textures.npz")
    monkeypatch.chdir(here)
    assert reproduce.find_source(moved).path == str(tmp_path / "textures.npz")


def test_changed_data_are_refused_with_both_digests(original: RunManifest, tmp_path: Path) -> None:
    path = write_npz(tmp_path / "mine.npz")
    run = made_from(original, path, str(path))
    write_npz(path, train=200)
    with pytest.raises(InputError, match=rf"expected SHA-256 {run.source_sha256}, found [0-9a-f]"):
        reproduce.find_source(run)
    path.unlink()
    with pytest.raises(DataError, match=r"mine\.npz does not exist"):
        reproduce.find_source(run)


def test_conditions_are_compared_before_anything_is_trained(original: RunManifest) -> None:
    source = locate.locate(original.config.data)
    device = DeviceReport(
        device="cpu (2 cores)", environment={"backend": "jax", "threads": "automatic"}
    )
    found = {one.name: one for one in conditions.with_now(original, source, device)}
    assert not found["code"].equal
    assert found["data"].now == source.sha256
    assert (found["training.backend"].recorded, found["training.backend"].now) == (
        "tensorflow",
        "jax",
    )
    assert found["training.threads"].equal
    assert "training.deterministic" not in found
    unknown = conditions.with_now(original, source, None)
    assert not any(one.name.startswith("training") for one in unknown)


def test_manifests_of_runs_that_are_there_can_be_judged(
    root: Path, files: DatasetFiles, original: RunManifest
) -> None:
    publish(root, "again", files, [4, 8, 20])
    verdict = reproduce.judge(
        Workspace(root),
        run_folder.read(Workspace(root), "run"),
        run_folder.read(Workspace(root), "again"),
    )
    assert verdict.exit_code == 0
