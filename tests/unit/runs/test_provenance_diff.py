from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sightline.config import RunConfig
from sightline.pipeline import provenance
from sightline.records import Run, Source
from sightline.records.manifest import RunManifest
from sightline.runs import provenance_diff, run_folder


@pytest.fixture
def published(run: Run, manifest: RunManifest) -> RunManifest:
    """A run of today's code and environment; its model lies in the run folder."""
    current = manifest.model_copy(
        update={
            "code_sha256": provenance.package_digest(),
            "lock_sha256": provenance.lock_digest(),
            "environment": provenance.environment(),
        }
    )
    folder = run_folder.folder(run.workspace, current.run_id)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes((run.workspace.root / "made" / "model.keras").read_bytes())
    (folder / "manifest.json").write_text(current.model_dump_json())
    return current


def source(manifest: RunManifest, **changed: str) -> Source:
    return Source(
        dataset=manifest.records.ingest.dataset,
        kind="npz",
        path=changed.get("path", "anywhere"),
        sha256=changed.get("sha256", manifest.source_sha256),
    )


def compare(
    run: Run, manifest: RunManifest, config: RunConfig | None = None, **changed: str
) -> provenance_diff.Comparison:
    return provenance_diff.since_last_run(
        run.workspace, config or manifest.config, source(manifest, **changed)
    )


def with_training(config: RunConfig, **values: Any) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update=values)})


def rewrite(run: Run, manifest: RunManifest, **changed: Any) -> None:
    path = run_folder.folder(run.workspace, manifest.run_id) / "manifest.json"
    path.write_text(manifest.model_copy(update=changed).model_dump_json())


def test_equal_run_is_unchanged_and_named(run: Run, published: RunManifest) -> None:
    found = compare(run, published)
    assert found.unchanged
    assert found.sentence.endswith(f"equal run {published.run_id}.")


def test_place_of_the_data_and_of_the_training_do_not_count(
    run: Run, published: RunManifest
) -> None:
    data = published.config.data.model_copy(update={"dataset": "/elsewhere/textures.npz"})
    moved = with_training(published.config, deployment="fit/fit-gpu")
    moved = moved.model_copy(update={"data": data, "description": "other words"})
    assert compare(run, published, moved, path="/elsewhere").unchanged


def test_first_run_of_a_data_set_and_recipe_has_nothing_to_compare_with(
    run: Run, published: RunManifest
) -> None:
    other = published.config.model_copy(update={"recipe": "another"})
    found = compare(run, published, other)
    assert not found.unchanged
    assert found.run_id is None
    assert "no earlier run" in found.sentence


def test_changed_data_are_named_with_both_digests(run: Run, published: RunManifest) -> None:
    found = compare(run, published, sha256="d" * 64, path=published.records.ingest.source)
    assert found.changes == ("data (cccccccc -> dddddddd)",)


def test_other_data_of_the_same_name_are_another_data_set(run: Run, published: RunManifest) -> None:
    assert compare(run, published, sha256="d" * 64, path="/elsewhere").run_id is None


def test_changed_config_is_named_key_by_key(run: Run, published: RunManifest) -> None:
    found = compare(run, published, with_training(published.config, epochs=7, seed=3))
    assert found.changes == ("config (training.epochs 5 -> 7; training.seed 0 -> 3)",)


def test_changed_code_is_named(run: Run, published: RunManifest) -> None:
    rewrite(run, published, code_sha256="e" * 64)
    (change,) = compare(run, published).changes
    assert change.startswith("code (eeeeeeee -> ")


def test_changed_version_is_a_change_and_another_machine_is_none(
    run: Run, published: RunManifest
) -> None:
    before = published.environment
    versions = {**before["versions"], "keras": "3.0.0"}
    rewrite(run, published, environment={**before, "versions": versions, "cores": 96})
    (change,) = compare(run, published).changes
    assert change.startswith("environment (keras 3.0.0 -> ")
    rewrite(run, published, environment={**before, "platform": "another", "cores": 96})
    assert compare(run, published).unchanged


def test_changed_lock_file_is_a_change(run: Run, published: RunManifest) -> None:
    rewrite(run, published, lock_sha256="f" * 64)
    assert compare(run, published).changes == ("environment (lock file)",)


def test_run_whose_model_is_damaged_is_made_again(run: Run, published: RunManifest) -> None:
    model = run_folder.folder(run.workspace, published.run_id) / "model.keras"
    model.write_bytes(b"damaged")
    (change,) = compare(run, published).changes
    assert "model.keras missing or damaged" in change
    model.unlink()
    assert not compare(run, published).unchanged


def test_last_run_counts_and_unreadable_ones_are_passed_over(
    run: Run, published: RunManifest, tmp_path: Path
) -> None:
    broken = run_folder.folder(run.workspace, "broken")
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    assert compare(run, published).unchanged
    newer = run_folder.folder(run.workspace, "newer")
    newer.mkdir()
    config = with_training(published.config, epochs=9)
    (newer / "manifest.json").write_text(
        published.model_copy(
            update={"run_id": "newer", "config": config, "created": datetime.now(UTC), "files": {}}
        ).model_dump_json()
    )
    assert compare(run, published).changes == ("config (training.epochs 9 -> 5)",)


def test_repetition_of_a_run_is_no_change(run: Run, published: RunManifest) -> None:
    again = run_folder.folder(run.workspace, "again")
    again.mkdir()
    promotion = published.config.promotion.model_copy(update={"gate": "enforce"})
    config = published.config.model_copy(update={"promotion": promotion})
    (again / "manifest.json").write_text(
        published.model_copy(
            update={"run_id": "again", "config": config, "repeats": published.run_id, "files": {}}
        ).model_dump_json()
    )
    found = compare(run, published)
    assert found.unchanged
    assert found.run_id == published.run_id
