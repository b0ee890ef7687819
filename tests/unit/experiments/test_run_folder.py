import json

import pytest

import made_runs
import runs_to_compare
from excerpts import excerpt, publish
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records.manifest import ManifestExcerpt
from sightline.storage import json_digest
from sightline.storage.workspace import Workspace


def test_runs_are_found_by_id_by_first_characters_and_as_the_latest(workspace):
    publish(workspace.root, *map(excerpt, ("zeta", "2025", "2026a", "2026b")))
    assert run_folder.run_ids(workspace) == ["2026b", "2026a", "2025", "zeta"]
    with pytest.raises(InputError, match=r"mine.*`sightline runs list`"):
        run_folder.resolve(workspace, "mine")
    found = {name: run_folder.resolve(workspace, name) for name in ("2026a", "z", "latest")}
    assert found == {"2026a": "2026a", "z": "zeta", "latest": "2026b"}
    with pytest.raises(InputError, match=r"2 runs .*'2026'"):
        run_folder.resolve(workspace, "2026")
    with pytest.raises(InputError, match=r"'1999' .*`sightline runs list`"):
        run_folder.resolve(workspace, "1999")


def test_run_is_found_by_the_last_digits_of_an_id_that_was_chosen_for_it(workspace):
    plain, seeded, own = (
        "20261129T083609Z-mnist-5k-quickstart-b5138c",
        "20261129T083700Z-mnist-fast-b5138c-s3",
        "mine-b5138c",
    )
    publish(workspace.root, excerpt(plain), excerpt(seeded), excerpt(own))
    shorts = [run_folder.short_id(run_id) for run_id in (plain, seeded, own)]
    assert shorts == ["b5138c", "b5138c-s3", own]
    assert [run_folder.resolve(workspace, name) for name in shorts] == [plain, seeded, own]
    publish(workspace.root, excerpt("20261130T000000Z-other-fast-b5138c"))
    with pytest.raises(InputError, match="2 runs"):
        run_folder.resolve(workspace, "b5138c")


def test_without_runs_the_message_says_how_to_start(tmp_path):
    with pytest.raises(InputError, match="`sightline train`"):
        run_folder.resolve(Workspace(tmp_path), "latest")


def test_reproduction_is_never_the_latest(workspace, dataset):
    first = runs_to_compare.publish(workspace.root, "first", dataset, [])
    again = first.model_copy(update={"run_id": "first-again-1", "repeats": "first"})
    made_runs.write(workspace.root, again)
    assert run_folder.run_ids(workspace) == ["first-again-1", "first"]
    assert run_folder.read(workspace, "first-a") == again
    assert run_folder.resolve(workspace, "latest") == "first"
    assert [run.run_id for run in run_folder.history(workspace, "textures")] == ["first"]
    assert run_folder.last(workspace, "textures") == first


def test_excerpt_has_the_values_of_a_manifest_even_without_newer_fields(workspace, dataset):
    manifest = runs_to_compare.publish(workspace.root, "run", dataset, [4])
    read = run_folder.read_excerpt(workspace, "run")
    assert run_folder.summary(workspace, read) == run_folder.summary(workspace, manifest)
    for name in ManifestExcerpt.model_fields.keys() - {"records", "files"}:
        assert getattr(read, name) == getattr(manifest, name), name
    path = run_folder.folder(workspace, "run") / run_folder.MANIFEST
    content = json.loads(path.read_text())
    del content["repeats"], content["sha256"]
    path.write_bytes(json_digest.dumps(content))
    assert run_folder.read(workspace, "latest").repeats is None
    assert run_folder.read_excerpt(workspace, "run").repeats is None


def test_damaged_run_is_listed_and_an_unfinished_one_is_not(workspace):
    publish(workspace.root, excerpt("damaged"), excerpt(".2026.abc.tmp"))
    (workspace.root / "runs" / "empty").mkdir()
    path = run_folder.folder(workspace, "damaged") / run_folder.MANIFEST
    path.write_text(path.read_text()[:100])
    assert run_folder.run_ids(workspace) == ["damaged"]
    assert run_folder.resolve(workspace, "latest") == "damaged"
    with pytest.raises(InputError, match=r"damaged/manifest\.json"):
        run_folder.read(workspace, "damaged")
