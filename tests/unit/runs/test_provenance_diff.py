from typing import Any

import pytest

import made_runs
from excerpts import with_training
from runs_to_compare import publish
from sightline.config import RunConfig
from sightline.pipeline import provenance
from sightline.records import DatasetFiles, DeviceReport, Source
from sightline.records.manifest import RunManifest
from sightline.runs import provenance_diff, run_folder
from sightline.runs.provenance_diff import Changes
from sightline.storage.workspace import Workspace


@pytest.fixture
def published(workspace: Workspace, dataset: DatasetFiles) -> RunManifest:
    """A run of the present code and environment."""
    manifest = publish(workspace.root, "last", dataset, [])
    now = {
        "code_sha256": provenance.package_digest(),
        "lock_sha256": provenance.lock_digest(),
        "environment": provenance.environment(),
    }
    return rewrite(workspace, manifest, **now)


def rewrite(workspace: Workspace, manifest: RunManifest, **changed: Any) -> RunManifest:
    changed_manifest = manifest.model_copy(update=changed)
    made_runs.write(workspace.root, changed_manifest)
    return changed_manifest


def since_last(
    workspace: Workspace,
    manifest: RunManifest,
    config: RunConfig | None = None,
    path: str = "anywhere",
    sha256: str | None = None,
) -> Changes:
    sha256 = sha256 or manifest.source_sha256
    source = Source(dataset="textures", kind="npz", path=path, sha256=sha256)
    return provenance_diff.since_last_run(workspace, config or manifest.config, source)


def test_equal_run_is_unchanged_and_named(workspace: Workspace, published: RunManifest) -> None:
    found = since_last(workspace, published)
    assert found.unchanged
    assert published.run_id in found.sentence


def test_paths_deployments_and_descriptions_do_not_count(
    workspace: Workspace, published: RunManifest
) -> None:
    data = published.config.data.model_copy(update={"dataset": "/elsewhere/textures.npz"})
    moved = with_training(published.config, deployment="fit/fit-gpu")
    moved = moved.model_copy(update={"data": data, "description": "other words"})
    assert since_last(workspace, published, moved, path="/elsewhere").unchanged


def test_first_run_of_a_data_set_and_recipe_has_no_earlier_run(
    workspace: Workspace, published: RunManifest
) -> None:
    other = published.config.model_copy(update={"recipe": "another"})
    found = since_last(workspace, published, other)
    assert (found.unchanged, found.run_id) == (False, None)
    assert "no earlier run" in found.sentence


def test_changed_data_are_named_with_both_digests(
    workspace: Workspace, published: RunManifest
) -> None:
    path = published.records.ingest.source
    found = since_last(workspace, published, path=path, sha256="d" * 64)
    assert found.changes == ("data (cccccccc -> dddddddd)",)
    elsewhere = since_last(workspace, published, path="/elsewhere", sha256="d" * 64)
    assert elsewhere.run_id is None, "equal names do not make it the same data set"


def test_changed_config_is_named_key_by_key(workspace: Workspace, published: RunManifest) -> None:
    found = since_last(workspace, published, with_training(published.config, epochs=7, seed=3))
    assert found.changes == ("config (training.epochs 5 -> 7; training.seed 0 -> 3)",)


@pytest.mark.parametrize(
    ("changed", "phrase"),
    [
        ({"code_sha256": "e" * 64}, "code (eeeeeeee -> "),
        ({"lock_sha256": "f" * 64}, "environment (lock file)"),
        ({"environment": {"versions": {"keras": "3.0.0"}, "cores": 96}}, "keras 3.0.0 -> "),
        ({"environment": {"platform": "another", "cores": 96}}, None),
    ],
    ids=["code", "lock file", "version", "machine"],
)
def test_code_and_versions_count_and_the_machine_does_not(
    workspace: Workspace, published: RunManifest, changed: dict[str, Any], phrase: str | None
) -> None:
    if environment := changed.get("environment"):
        now = published.environment
        versions = now["versions"] | environment.get("versions", {})
        changed = {"environment": {**now, **environment, "versions": versions}}
    rewrite(workspace, published, **changed)
    changes = since_last(workspace, published).changes
    assert [phrase in change for change in changes if phrase] == [True] * bool(phrase)
    assert len(changes) == bool(phrase)


def test_run_whose_files_are_damaged_counts_as_changed(
    workspace: Workspace, published: RunManifest
) -> None:
    path = run_folder.folder(workspace, published.run_id) / "predictions.parquet"
    path.write_bytes(b"damaged")
    (change,) = since_last(workspace, published).changes
    assert "predictions.parquet" in change
    path.unlink()
    assert not since_last(workspace, published).unchanged


def test_newest_readable_run_counts(workspace: Workspace, published: RunManifest) -> None:
    broken = run_folder.folder(workspace, "broken")
    broken.mkdir()
    (broken / run_folder.MANIFEST).write_text("{")
    assert since_last(workspace, published).unchanged
    config = with_training(published.config, epochs=9)
    rewrite(workspace, published, run_id="newer", config=config, files={})
    assert since_last(workspace, published).changes == ("config (training.epochs 9 -> 5)",)


def test_reproduction_of_a_run_does_not_count(workspace: Workspace, published: RunManifest) -> None:
    config = with_training(published.config, epochs=9)
    rewrite(workspace, published, run_id="again", config=config, repeats="last", files={})
    found = since_last(workspace, published)
    assert (found.unchanged, found.run_id) == (True, "last")


def test_run_is_compared_with_the_present_before_training(published: RunManifest) -> None:
    source = Source(dataset="textures", kind="npz", path="p", sha256="d" * 64)
    device = DeviceReport(device="cpu", environment={"backend": "jax", "threads": "automatic"})
    rows = {row.name: row for row in provenance_diff.with_now(published, source, device)}
    assert rows["code"].equal
    assert (rows["data"].equal, rows["data"].b) == (False, source.sha256)
    backend = rows["training.backend"]
    assert (backend.a, backend.b) == ("tensorflow", "jax")
    assert rows["training.threads"].equal
    assert "training.deterministic" not in rows, "chosen only in training"
    elsewhere = provenance_diff.with_now(published, source, None)
    assert not any(row.name.startswith("training") for row in elsewhere)
