import json
from pathlib import Path

import pytest

import made_runs
import runs_to_promote
from sightline import registry
from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError, StorageError
from sightline.registry import Version, audit_log, paths
from sightline.runs import run_folder
from sightline.storage import digests, files, json_digest
from sightline.storage.workspace import Workspace


def test_version_holds_copies_of_all_that_is_shipped(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    version = registry.register(Workspace(root), manifest)
    assert version.name == "mnist-v1"
    assert set(version.files) == {
        "model.keras",
        "manifest.json",
        "certificate.json",
        "exports/saved_model/saved_model.pb",
        "exports/saved_model/variables/variables.index",
        "exports/model.onnx",
    }
    folder = root / "models/mnist/versions/1"
    for name, record in version.files.items():
        assert record.path == f"models/mnist/versions/1/{name}"
        assert record.sha256 == digests.sha256(folder / name)
    assert version.model.sha256 == manifest.files["model.keras"].sha256
    assert run_folder.read_folder(folder) == manifest
    assert registry.verify(Workspace(root), "mnist-v1").damages == ()


def test_version_says_what_the_run_found(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1", accuracy=0.97)
    version = registry.register(Workspace(root), manifest)
    assert version.run_id == "run-1"
    assert version.recipe == "tutorial"
    assert (version.accuracy, version.loss, version.parameters) == (0.97, 0.03, 123)
    assert version.calibration_error == 0.004
    assert version.profile == runs_to_promote.PROFILE
    assert version.certificate == manifest.records.export
    assert version.holdout_sha256 == holdout_sha256(manifest.records.ingest)
    assert registry.versions(Workspace(root)) == [version]


def test_registered_version_is_the_candidate_and_not_the_champion(root: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    assert registry.aliases(Workspace(root), "mnist") == registry.Aliases(candidate="mnist-v1")
    assert registry.champion(Workspace(root), "mnist") is None
    (event,) = registry.history(Workspace(root))
    assert (event.action, event.version, event.who) == ("register", "mnist-v1", "ada")


def test_same_run_again_is_the_version_that_is_there(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    assert registry.register(Workspace(root), manifest) == registry.register(
        Workspace(root), manifest
    )
    assert len(registry.history(Workspace(root))) == 1


def test_run_that_was_exported_again_is_the_version_that_is_there(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1", exports=False)
    first = registry.register(Workspace(root), manifest, runs_to_promote.certificate(root, "run-1"))
    again = runs_to_promote.certificate(root, "run-1")
    later = runs_to_promote.file(root, again.certificate.path, b'{"seconds": 2}')
    again = again.model_copy(update={"certificate": later})
    assert registry.register(Workspace(root), manifest, again) == first
    assert registry.register(Workspace(root), manifest) == first
    assert len(registry.history(Workspace(root))) == 1


def test_form_that_an_earlier_export_lacks_or_failed_makes_another_version(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1", exports=False)
    whole = runs_to_promote.certificate(root, "run-1")
    failed = runs_to_promote.certificate(root, "run-1", failing="onnx")
    numbers = []
    for exports in (whole.exports[:2], failed.exports, whole.exports, whole.exports[:2]):
        written = runs_to_promote.file(root, whole.certificate.path, b"%d" % len(numbers))
        one = whole.model_copy(update={"exports": exports, "certificate": written})
        numbers.append(registry.register(Workspace(root), manifest, one).number)
    assert numbers == [1, 2, 3, 3]


@pytest.mark.parametrize("name", ["model.keras", "version.json"])
def test_damaged_version_is_not_found_again(root: Path, name: str) -> None:
    """Also where the damaged one was sealed anew, so that only the audit log tells."""
    manifest = runs_to_promote.publish(root, "run-1")
    damaged = root / registry.register(Workspace(root), manifest).folder / name
    content = damaged.read_bytes()
    if name == "version.json":
        damaged.write_bytes(
            json_digest.dumps({**json.loads(json_digest.verify(content)), "loss": 0.0})
        )
    else:
        damaged.write_bytes(content.replace(b"run-1", b"run-9"))
    version = registry.register(Workspace(root), manifest)
    assert version.name == "mnist-v2"
    assert registry.register(Workspace(root), manifest) == version
    assert registry.aliases(Workspace(root), "mnist").candidate == "mnist-v2"


def test_run_of_a_used_id_with_other_content_is_another_version(root: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1", accuracy=0.9))
    again = registry.register(
        Workspace(root), runs_to_promote.publish(root, "run-1", accuracy=0.95)
    )
    assert again.name == "mnist-v2"


def test_run_that_was_exported_later_is_another_version(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1", exports=False)
    bare = registry.register(Workspace(root), manifest)
    assert set(bare.files) == {"model.keras", "manifest.json"}
    exported = registry.register(
        Workspace(root), manifest, runs_to_promote.certificate(root, "run-1")
    )
    assert exported.name == "mnist-v2"
    assert "exports/model.onnx" in exported.files


def test_form_that_does_not_agree_is_not_shipped(root: Path) -> None:
    version = registry.register(
        Workspace(root), runs_to_promote.publish(root, "run-1", failing="onnx")
    )
    assert "exports/model.onnx" not in version.files
    assert "exports/saved_model/saved_model.pb" in version.files


def test_version_outlives_its_run_and_the_cache(root: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    files.remove(root / "runs")
    files.remove(root / "cache")
    assert registry.verify(Workspace(root), "mnist-v1").damages == ()
    assert registry.resolve(Workspace(root), "mnist-v1").run_id == "run-1"


def test_certificate_of_another_model_is_refused(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    foreign = runs_to_promote.certificate(root, "run-2")
    with pytest.raises(InputError, match="that of another model than run run-1"):
        registry.register(Workspace(root), manifest, foreign)
    assert not (root / "models").exists()


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "folder"])
@pytest.mark.parametrize("which", ["runs/run-1/model.keras", "model.onnx", "certificate.json"])
def test_damaged_source_is_refused_and_leaves_no_version(
    root: Path, which: str, damage: str
) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    (path,) = (found for found in root.rglob("*") if found.as_posix().endswith(which))
    content = path.read_bytes()
    if damage == "change":
        path.write_bytes(content[:-1] + b"?")
    elif damage == "shorten":
        path.write_bytes(content[:-1])
    else:
        path.unlink()
    if damage == "folder":
        path.mkdir()
    with pytest.raises(InputError, match=path.name):
        registry.register(Workspace(root), manifest)
    assert registry.versions(Workspace(root)) == []
    assert paths.numbers(Workspace(root), "mnist") == []
    assert files.leftovers(root / "models/mnist/versions") == []


def test_run_that_was_replaced_meanwhile_is_refused(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    other = manifest.model_copy(update={"weights_sha256": "0" * 64})
    with pytest.raises(InputError, match="another run than expected"):
        registry.register(Workspace(root), other)


def test_run_without_a_folder_is_refused(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    files.remove(run_folder.folder(Workspace(root), "run-1"))
    with pytest.raises(InputError, match=r"manifest\.json cannot be read"):
        registry.register(Workspace(root), manifest)


def test_version_whose_event_a_killed_process_did_not_write_gets_it(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    registry.register(Workspace(root), manifest)
    (root / "models/mnist/audit/000001.json").unlink()
    (root / "models/mnist/last_event.json").unlink()
    assert registry.versions(Workspace(root)) == []
    assert registry.register(Workspace(root), manifest).name == "mnist-v1"
    assert [event.version for event in registry.history(Workspace(root))] == ["mnist-v1"]
    assert registry.verify(Workspace(root), "mnist-v1").damages == ()


def test_version_without_an_event_does_not_lend_its_number(root: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    (root / "models/mnist/audit/000001.json").unlink()
    (root / "models/mnist/last_event.json").unlink()
    assert (
        registry.register(Workspace(root), runs_to_promote.publish(root, "run-2")).name
        == "mnist-v2"
    )
    assert [found.name for found in registry.versions(Workspace(root))] == ["mnist-v2"]


def test_what_killed_writers_left_is_removed(root: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    home = root / "models/mnist"
    (home / "versions/.2.0123abcd.tmp/exports").mkdir(parents=True)
    (home / "audit/.000002.json.0123abcd.tmp").touch()
    (home / ".last_event.json.0123abcd.tmp").touch()
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-2"))
    assert list(home.rglob("*.tmp")) == []


def test_each_data_set_counts_for_itself(root: Path) -> None:
    names = [
        registry.register(
            Workspace(root), runs_to_promote.publish(root, f"{dataset}-run", dataset)
        ).name
        for dataset in ("mnist", "zoo", "mnist-v1")
    ]
    assert names == ["mnist-v1", "zoo-v1", "mnist-v1-v1"]
    assert registry.datasets(Workspace(root)) == ["mnist", "mnist-v1", "zoo"]
    assert [version.name for version in registry.versions(Workspace(root), "zoo")] == ["zoo-v1"]
    assert registry.resolve(Workspace(root), "mnist-v1-v1").dataset == "mnist-v1"


def test_record_that_names_files_elsewhere_is_no_version(root: Path) -> None:
    version = registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    elsewhere = made_runs.ANY_FILE.model_copy(update={"path": "runs/run-1/model.keras"})
    with pytest.raises(ValueError, match="expected the file models/mnist/versions/1/model"):
        Version.model_validate(
            {**version.model_dump(), "files": {"model.keras": elsewhere.model_dump()}}
        )


def test_audit_log_knows_the_version_by_its_digest(root: Path) -> None:
    version = registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    (event,) = audit_log.read(Workspace(root), "mnist").events
    assert event.version_sha256 == digests.sha256(root / version.folder / "version.json")


def test_store_that_cannot_be_written_is_said_in_one_sentence(root: Path) -> None:
    manifest = runs_to_promote.publish(root, "run-1")
    (root / "models").touch()
    with pytest.raises(StorageError, match="cannot be used"):
        registry.register(Workspace(root), manifest)
    (root / "models").unlink()
    (root / "models/mnist").mkdir(parents=True)
    (root / "models/mnist/.lock").symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="is a symbolic link"):
        registry.register(Workspace(root), manifest)
