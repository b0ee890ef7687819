import json
from pathlib import Path

import pytest

from made_runs import ANY_FILE, write_file
from runs_to_promote import PROFILE, certificate, publish, register
from sightline import registry
from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError, StorageError
from sightline.experiments import run_folder
from sightline.registry import Aliases, Version, paths
from sightline.storage import digests, files, json_digest


@pytest.fixture
def manifest(workspace):
    return publish(workspace.root, "run-1", accuracy=0.97)


def test_version_describes_and_copies_the_run_and_is_the_candidate(workspace, manifest):
    version = registry.register(workspace, manifest)
    shipped = {"model.keras", "manifest.json", "certificate.json", "exports/model.onnx"}
    folder = {"saved_model.pb", "variables/variables.index", "assets.extra/sightline.json"}
    assert set(version.files) == shipped | {f"exports/saved_model/{name}" for name in folder}
    for name, record in version.files.items():
        assert record.path == f"models/mnist/versions/1/{name}"
    assert version.model.sha256 == manifest.files["model.keras"].sha256
    assert run_folder.read_folder(workspace.path(version.folder)) == manifest
    assert registry.verify(workspace, "mnist-v1").damages == ()
    assert (version.run_id, version.recipe) == ("run-1", "tutorial")
    assert (version.accuracy, version.loss, version.parameters) == (0.97, 0.03, 123)
    assert (version.calibration_error, version.profile) == (0.004, PROFILE)
    assert version.certificate == manifest.records.export
    assert version.holdout_sha256 == holdout_sha256(manifest.records.ingest)
    assert registry.versions(workspace) == [version]
    assert registry.aliases(workspace, "mnist") == Aliases(candidate="mnist-v1")
    assert registry.champion(workspace, "mnist") is None
    assert registry.register(workspace, manifest) == version
    (event,) = registry.history(workspace)
    assert (event.action, event.version, event.who) == ("register", "mnist-v1", "ada")
    assert event.version_sha256 == digests.sha256(workspace.path(version.folder) / "version.json")


def test_only_an_additional_format_adds_a_version(workspace):
    bare = publish(workspace.root, "run-1", exports=False)
    assert set(registry.register(workspace, bare).files) == {"model.keras", "manifest.json"}
    exported = certificate(workspace.root, "run-1")
    failed = certificate(workspace.root, "run-1", failing="onnx").exports
    some, all_formats = exported.exports[:2], exported.exports
    numbers = []
    for exports in (some, failed, all_formats, some, all_formats):  # certificates hold times
        record = write_file(workspace.root, exported.certificate.path, b"%d" % len(numbers))
        changed = exported.model_copy(update={"exports": exports, "certificate": record})
        numbers.append(registry.register(workspace, bare, changed).number)
    assert numbers == [2, 3, 4, 4, 4]
    assert registry.register(workspace, bare).number == 4


@pytest.mark.parametrize("name", ["model.keras", "version.json"])
def test_damaged_version_is_ignored(workspace, manifest, name):
    """Not even if its own digests were recomputed, so that only the audit log shows it."""
    damaged = workspace.path(registry.register(workspace, manifest).folder) / name
    content = damaged.read_bytes()
    if name == "version.json":
        content = json_digest.dumps({**json.loads(json_digest.verify(content)), "loss": 0.0})
    damaged.write_bytes(content.replace(b"model.keras of run-1", b"model.keras of run-9"))
    version = registry.register(workspace, manifest)
    assert version.name == "mnist-v2"
    assert registry.register(workspace, manifest) == version
    assert registry.aliases(workspace, "mnist").candidate == "mnist-v2"


def test_other_content_under_a_used_run_id_is_another_version(workspace):
    register(workspace.root, "run-1", accuracy=0.9)
    version = register(workspace.root, "run-1", accuracy=0.95, failing="onnx")
    assert version.name == "mnist-v2"
    assert "exports/model.onnx" not in version.files  # it does not agree
    assert "exports/saved_model/saved_model.pb" in version.files


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "folder"])
@pytest.mark.parametrize("which", ["runs/run-1/model.keras", "model.onnx", "certificate.json"])
def test_damaged_source_is_refused_and_leaves_no_version(workspace, manifest, which, damage):
    (path,) = (found for found in workspace.root.rglob("*") if found.as_posix().endswith(which))
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "remove":
        path.write_bytes(content[:-1] + (b"?" if damage == "change" else b""))
    with pytest.raises(InputError, match=path.name):
        registry.register(workspace, manifest)
    assert registry.versions(workspace) == []
    assert paths.numbers(workspace, "mnist") == []
    assert files.leftovers(workspace.path("models/mnist/versions")) == []


def test_other_certificate_or_a_replaced_or_removed_run_is_refused(workspace, manifest):
    with pytest.raises(InputError, match=r"certificate\.json .*run-1"):
        registry.register(workspace, manifest, certificate(workspace.root, "run-2"))
    assert not workspace.path("models").exists()
    other = manifest.model_copy(update={"weights_sha256": "0" * 64})
    with pytest.raises(InputError, match=r"run-1/manifest\.json .*try again"):
        registry.register(workspace, other)
    files.remove(run_folder.folder(workspace, "run-1"))
    with pytest.raises(InputError, match=r"manifest\.json"):
        registry.register(workspace, manifest)


def test_killed_registration_is_completed(workspace, manifest):
    registry.register(workspace, manifest)
    for name in ("audit/000001.json", "last_event.json"):  # which are written last
        workspace.path(f"models/mnist/{name}").unlink()
    assert registry.versions(workspace) == []
    assert register(workspace.root, "run-2").name == "mnist-v2"
    assert registry.register(workspace, manifest).name == "mnist-v1"
    assert [event.version for event in registry.history(workspace)] == ["mnist-v2", "mnist-v1"]
    assert registry.verify(workspace, "mnist-v1").damages == ()


def test_each_data_set_has_its_own_numbers(workspace):
    for dataset in ("mnist", "zoo", "mnist-v1"):
        assert register(workspace.root, f"{dataset}-run", dataset).name == f"{dataset}-v1"
    assert registry.datasets(workspace) == ["mnist", "mnist-v1", "zoo"]
    assert [version.name for version in registry.versions(workspace, "zoo")] == ["zoo-v1"]
    assert registry.resolve(workspace, "mnist-v1-v1").dataset == "mnist-v1"


def test_record_of_files_elsewhere_is_not_a_version(workspace):
    content = register(workspace.root, "run-1").model_dump()
    elsewhere = ANY_FILE.model_copy(update={"path": "runs/run-1/model.keras"})
    with pytest.raises(ValueError, match=r"models/mnist/versions/1/model\.keras"):
        Version.model_validate({**content, "files": {"model.keras": elsewhere.model_dump()}})


@pytest.mark.parametrize(
    ("place", "create", "error"),
    [
        ("models", Path.touch, StorageError),
        ("models/mnist/versions", Path.touch, InputError),
        ("models/mnist/.lock", Path.mkdir, InputError),
        ("models/mnist/.lock", lambda path: path.symlink_to("/etc/passwd"), StorageError),
    ],
)
def test_file_in_the_way_is_named(workspace, manifest, place, create, error):
    path = workspace.path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    create(path)
    with pytest.raises(error, match=str(path)):
        registry.register(workspace, manifest)
