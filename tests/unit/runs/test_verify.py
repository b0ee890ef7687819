import json
from pathlib import Path

import pytest

from sightline.errors import InputError
from sightline.records import Run, Source
from sightline.records.manifest import RunManifest
from sightline.reporting import publish
from sightline.runs import run_folder, verify
from sightline.storage.workspace import Workspace


@pytest.fixture
def folder(artifacts: Path, manifest: RunManifest) -> Path:
    """Publish a real run."""
    source = Source(dataset="textures", kind="npz", path="p", sha256=manifest.source_sha256)
    run = Run(id="real", workspace=Workspace(artifacts))
    publish.publish(run, manifest.config, source, manifest.records, manifest.stages)
    return run_folder.folder(Workspace(artifacts), "real")


def found(root: Path, run: str | None = None) -> dict[str, str]:
    return {
        damage.path: damage.found
        for verdict in verify.verify(Workspace(root), run)
        for damage in verdict.damages
    }


def test_published_run_is_as_it_was_published(artifacts: Path, folder: Path) -> None:
    (verdict,) = verify.verify(Workspace(artifacts))
    present = list(folder.iterdir())
    assert verdict.damages == ()
    assert verdict.files == len(present)
    assert verdict.bytes == sum(path.stat().st_size for path in present)


def test_every_changed_file_is_found(artifacts: Path, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        before = path.read_bytes()
        path.write_bytes(before[:-1])
        assert list(found(artifacts)) == [f"runs/real/{path.name}"]
        path.unlink()
        assert list(found(artifacts)) == [f"runs/real/{path.name}"]
        path.write_bytes(before)
    assert found(artifacts) == {}


def test_what_does_not_belong_to_a_run_is_found(artifacts: Path, folder: Path) -> None:
    (folder / "notes").mkdir()
    (folder / ".hidden").touch()
    assert list(found(artifacts)) == ["runs/real/.hidden", "runs/real/notes"]


def test_changed_number_in_the_manifest_is_found(artifacts: Path, folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"total_seconds": ', '"total_seconds": 1'))
    assert "expected SHA-256" in found(artifacts)["runs/real/manifest.json"]


def test_manifest_without_a_digest_is_damaged(artifacts: Path, folder: Path) -> None:
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    content = json.loads(text)
    del content["sha256"]
    without = json.dumps(content, indent=1)
    for broken in (without, f"{text}\n", text.replace('\n "sha256"', '\n  "sha256"')):
        manifest.write_text(broken)
        assert list(found(artifacts)) == ["runs/real/manifest.json"]


def test_folder_without_a_manifest_is_found_and_can_be_named(artifacts: Path, folder: Path) -> None:
    (artifacts / "runs" / "half").mkdir()
    assert list(found(artifacts)) == ["runs/half/manifest.json"]
    assert list(found(artifacts, "half")) == ["runs/half/manifest.json"]
    assert found(artifacts, "latest") == {}
    with pytest.raises(InputError, match="no run 'nothing'"):
        verify.verify(Workspace(artifacts), "nothing")


def test_empty_root_has_nothing_to_check(tmp_path: Path) -> None:
    assert verify.verify(Workspace(tmp_path)) == []
