import pytest

import made_runs
from excerpts import with_recipe, with_training
from runs_to_compare import publish
from sightline.experiments import provenance_diff, run_folder
from sightline.pipeline import provenance
from sightline.records import DeviceReport, Source


@pytest.fixture
def published(workspace, dataset):
    """A run of the present code and environment."""
    now = {"code_sha256": provenance.package_digest(), "lock_sha256": provenance.lock_digest()}
    manifest = publish(workspace.root, "last", dataset, [], environment=provenance.environment())
    return rewrite(workspace, manifest, **now)


def rewrite(workspace, manifest, **changed):
    manifest = manifest.model_copy(update=changed)
    made_runs.write(workspace.root, manifest)
    return manifest


@pytest.fixture
def since_last(workspace, published):
    def compare(
        config=published.config,
        path="anywhere",
        sha256=published.source_sha256,
    ):
        source = Source(dataset="textures", kind="npz", path=path, sha256=sha256)
        return provenance_diff.since_last_run(workspace, config, source)

    return compare


def test_paths_and_descriptions_do_not_count(published, since_last):
    assert since_last().unchanged
    assert "run last" in since_last().sentence
    data = published.config.data.model_copy(update={"dataset": "/elsewhere/textures.npz"})
    moved = with_training(published.config, deployment="fit/fit-gpu")
    moved = moved.model_copy(update={"data": data, "description": "other words"})
    assert since_last(moved, path="/elsewhere").unchanged


def test_changed_data_settings_and_files_are_named(workspace, published, since_last):
    found = since_last(path=published.records.ingest.source, sha256="d" * 64)
    assert found.changes == ("data (cccccccc -> dddddddd)",)
    elsewhere = since_last(path="/elsewhere", sha256="d" * 64)
    assert elsewhere.run_id is None, "equal names do not make it the same data set"
    other_recipe = since_last(with_recipe(published.config, "another"))
    assert (other_recipe.unchanged, other_recipe.run_id) == (False, None)
    assert "no earlier run" in other_recipe.sentence
    found = since_last(with_training(published.config, epochs=7, seed=3))
    assert found.changes == ("config (training.epochs 5 -> 7; training.seed 0 -> 3)",)
    (run_folder.folder(workspace, "last") / "predictions.parquet").write_bytes(b"damaged")
    (change,) = since_last().changes
    assert "predictions.parquet" in change


def elsewhere(**versions):
    """Return the environment of another machine."""
    now = provenance.environment()
    return {**now, "platform": "another", "cores": 96, "versions": now["versions"] | versions}


@pytest.mark.parametrize(
    ("changed", "phrase"),
    [
        ({"code_sha256": "e" * 64}, "code (eeeeeeee -> "),
        ({"lock_sha256": "f" * 64}, "environment (lock file)"),
        ({"environment": elsewhere(keras="3.0.0")}, "keras 3.0.0 -> "),
        ({"environment": elsewhere()}, ""),
    ],
    ids=["code", "lock file", "version", "machine"],
)
def test_code_and_versions_count_and_the_machine_does_not(
    workspace, published, since_last, changed, phrase
):
    rewrite(workspace, published, **changed)
    changes = since_last().changes
    assert len(changes) == bool(phrase)
    assert all(phrase in change for change in changes)


def test_newest_readable_run_counts(workspace, published, since_last):
    made_runs.write_file(workspace.root, "runs/broken/manifest.json", b"{")
    assert since_last().unchanged
    config = with_training(published.config, epochs=9)
    rewrite(workspace, published, run_id="again", config=config, repeats="last", files={})
    assert since_last().run_id == "last", "a reproduction does not count"
    rewrite(workspace, published, run_id="newer", config=config, files={})
    assert since_last().changes == ("config (training.epochs 9 -> 5)",)


def test_run_is_compared_with_the_present_before_training(published):
    source = Source(dataset="textures", kind="npz", path="p", sha256="d" * 64)
    device = DeviceReport(device="cpu", environment={"backend": "jax", "threads": "automatic"})
    rows = {row.name: row for row in provenance_diff.with_now(published, source, device)}
    assert rows["code"].equal
    assert (rows["data"].equal, rows["data"].b) == (False, source.sha256)
    assert (rows["training.backend"].a, rows["training.backend"].b) == ("tensorflow", "jax")
    assert rows["training.threads"].equal
    assert "training.deterministic" not in rows, "chosen only in training"
    elsewhere = provenance_diff.with_now(published, source, None)
    assert not any(row.name.startswith("training") for row in elsewhere)
