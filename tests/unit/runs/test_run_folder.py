import json
import os
import re
from pathlib import Path

import pytest

from sightline.errors import InputError, RunExistsError
from sightline.pipeline import provenance
from sightline.records import Source
from sightline.records.manifest import RunManifest
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace


def publish(root: Path, manifest: RunManifest, run_id: str) -> None:
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    renamed = manifest.model_copy(update={"run_id": run_id})
    (folder / "manifest.json").write_text(renamed.model_dump_json())


def test_new_id_sorts_by_time_and_names_the_run() -> None:
    run_id = run_folder.new_id("mnist-5k", "quickstart")
    assert re.fullmatch(r"\d{8}T\d{6}Z-mnist-5k-quickstart-[0-9a-f]{6}", run_id)
    assert run_folder.new_id("mnist-5k", "quickstart") != run_id


@pytest.mark.parametrize(
    "run_id", ["../x", "/x", "x/y", "", ".hidden", "x\0", "x" * 121, "ä", "x y", "x\n"]
)
def test_run_id_that_is_no_plain_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        run_folder.check_new(Workspace(tmp_path), run_id)


def test_taken_run_id_is_refused(tmp_path: Path) -> None:
    run_folder.folder(Workspace(tmp_path), "taken").mkdir(parents=True)
    with pytest.raises(RunExistsError, match="'taken' exists already"):
        run_folder.check_new(Workspace(tmp_path), "taken")
    run_folder.check_new(Workspace(tmp_path), "free")


def test_runs_are_found_by_id_by_beginning_and_as_the_latest(
    tmp_path: Path, manifest: RunManifest
) -> None:
    for second, run_id in enumerate(("zeta", "2025", "2026a", "2026b")):
        publish(tmp_path, manifest, run_id)
        os.utime(tmp_path / "runs" / run_id / "manifest.json", (second, second))
    assert run_folder.run_ids(Workspace(tmp_path)) == ["2026b", "2026a", "2025", "zeta"]
    assert run_folder.read(Workspace(tmp_path), "2026a").run_id == "2026a"
    assert run_folder.read(Workspace(tmp_path), "2025").run_id == "2025"
    assert run_folder.read(Workspace(tmp_path), "latest").run_id == "2026b"
    with pytest.raises(InputError, match=r"2 runs .* begin with '2026'"):
        run_folder.read(Workspace(tmp_path), "2026")
    with pytest.raises(InputError, match="no run '1999'"):
        run_folder.read(Workspace(tmp_path), "1999")


def test_repetition_is_listed_but_neither_the_latest_nor_in_a_history(
    tmp_path: Path, manifest: RunManifest
) -> None:
    again = manifest.model_copy(update={"repeats": "first"})
    for second, (run, run_id) in enumerate(((manifest, "first"), (again, "first-again-1"))):
        publish(tmp_path, run, run_id)
        os.utime(tmp_path / "runs" / run_id / "manifest.json", (second, second))
    dataset = manifest.records.ingest.dataset
    assert run_folder.run_ids(Workspace(tmp_path)) == ["first-again-1", "first"]
    assert run_folder.read(Workspace(tmp_path), "first-a").repeats == "first"
    assert run_folder.find(Workspace(tmp_path), "latest") == "first"
    assert [run.run_id for run in run_folder.history(Workspace(tmp_path), dataset)] == ["first"]
    last = run_folder.last(Workspace(tmp_path), dataset)
    assert last is not None
    assert last.run_id == "first"


def test_damaged_run_may_be_the_latest(tmp_path: Path, manifest: RunManifest) -> None:
    publish(tmp_path, manifest, "damaged")
    (tmp_path / "runs" / "damaged" / "manifest.json").write_text("{")
    assert run_folder.find(Workspace(tmp_path), "latest") == "damaged"


def test_manifest_from_before_runs_were_repeated_is_read(
    tmp_path: Path, manifest: RunManifest
) -> None:
    publish(tmp_path, manifest, "old")
    path = tmp_path / "runs" / "old" / "manifest.json"
    content = json.loads(path.read_text())
    del content["repeats"]
    path.write_text(json.dumps(content))
    assert run_folder.read(Workspace(tmp_path), "latest").repeats is None
    assert run_folder.read_excerpt(Workspace(tmp_path), "old").repeats is None


def test_unfinished_runs_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "runs" / ".2026.abc.tmp").mkdir(parents=True)
    (tmp_path / "runs" / ".2026.abc.tmp" / "manifest.json").touch()
    (tmp_path / "runs" / "empty").mkdir()
    assert run_folder.run_ids(Workspace(tmp_path)) == []


def test_damaged_manifest_is_refused_with_its_path(tmp_path: Path, manifest: RunManifest) -> None:
    publish(tmp_path, manifest, "damaged")
    path = tmp_path / "runs" / "damaged" / "manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match=r"damaged/manifest\.json cannot be read"):
        run_folder.read(Workspace(tmp_path), "damaged")


def test_equal_run_is_one_of_the_same_config_source_and_code(
    tmp_path: Path, manifest: RunManifest
) -> None:
    source = Source(dataset="d", kind="npz", path="p", sha256=manifest.source_sha256)
    current = manifest.model_copy(update={"code_sha256": provenance.package_digest()})
    publish(tmp_path, current, "earlier")
    assert run_folder.has_equal(Workspace(tmp_path), manifest.config, source)
    other_data = source.model_copy(update={"sha256": "0" * 64})
    assert not run_folder.has_equal(Workspace(tmp_path), manifest.config, other_data)
    renamed = manifest.config.model_copy(update={"recipe": "other"})
    assert not run_folder.has_equal(Workspace(tmp_path), renamed, source)
