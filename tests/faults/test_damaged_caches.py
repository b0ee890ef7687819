"""Stored files are checked before use, and rebuilt if they are damaged."""

import base64
import json
import os
import pickle
import random
import shutil
import sys
from pathlib import Path

import pytest

import faultpoint_root as roots
import sightline as package
from command import execute, invoke
from depth import at_depth
from file_damage import empty, flip, shrink, truncate
from hostile_input import Canary
from mutation_sweep import sweep, with_everything
from sightline.data.ingest import INGEST
from sightline.pipeline import cache
from sightline.records import DatasetFiles, Run
from sightline.storage import digests
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


def change_a_count(content, rng):
    """Change a number of the record and nothing else: valid JSON, valid record."""
    manifest = json.loads(content)
    manifest["record"]["counts"]["train"][0] += 1
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode()


def omit_a_file(content, rng):
    """Remove a file from the list of files to check."""
    manifest = json.loads(content)
    del manifest["files"]["images_train.npy"]
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode()


def delete(content, rng):
    """Remove the file."""


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the complete artifacts root."""
    return roots.copy(finished[1], tmp_path / "root")


@pytest.mark.parametrize(
    ("step", "name", "change"),
    [
        ("ingest", "images_train.npy", flip),
        ("preprocess", "images_test.npy", flip),
        ("ingest", "images_train.npy", truncate),
        ("ingest", "images_test.npy", empty),
        ("ingest", "images_train.npy", shrink),
        ("preprocess", "labels_train.npy", shrink),
        ("ingest", "labels.parquet", flip),
        ("ingest", "labels.parquet", delete),
        ("evaluate", "predictions.parquet", flip),
        ("ingest", "manifest.json", truncate),
        ("preprocess", "manifest.json", empty),
        ("ingest", "manifest.json", change_a_count),
        ("ingest", "manifest.json", omit_a_file),
        ("ingest", "manifest.json", delete),
        ("build", "architecture.json", flip),
        ("train", "model.keras", flip),
        ("report", "curves.png", flip),
    ],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_damaged_file_is_noticed_and_rebuilt_with_the_same_bytes(
    finished, copy, step, name, change
):
    pipeline, root = finished
    path = copy / "cache" / step / pipeline.key(step) / name
    changed = change(path.read_bytes(), random.Random(14))  # noqa: S311 - no secret
    if changed is None:
        path.unlink()
    else:
        path.write_bytes(changed)
    assert roots.visible_damage(copy) == [str(path.parent)]
    rebuilt = pipeline.run(step, copy)
    assert rebuilt.error is None, rebuilt.error
    assert f"{step} ({pipeline.key(step)})" in rebuilt.log
    assert name in rebuilt.log
    assert roots.results(copy) == roots.results(root)
    assert roots.visible_damage(copy) == []
    assert roots.leftovers(copy) == []


def test_entry_under_the_key_of_another_is_ignored(finished, copy):
    pipeline, _ = finished
    entry = copy / "cache" / "ingest" / pipeline.key("ingest")
    shutil.copytree(entry, entry.with_name("0" * 40))
    run = Run(id="x", workspace=Workspace(copy))
    assert cache.find(run, INGEST, "0" * 40) is None
    assert cache.find(run, INGEST, entry.name) is not None


def test_no_change_of_a_stored_file_stays_undetected(finished, tmp_path, caplog):
    pipeline, root = finished
    everything = with_everything(pipeline, root, tmp_path / "root")
    with caplog.at_level("ERROR", "sightline"):
        *_, tally = sweep(
            pipeline, everything, at_depth(150, 1000), seed=1417, rebuild=2, slow=False
        )
    assert tally.undetected == []
    assert tally.changed == tally.detected
    assert len(tally.changed) >= 15
    assert tally.rebuilt.total() >= 5


@pytest.mark.usefixtures("prefect_api")
def test_changed_result_in_the_store_of_prefect_is_never_used(finished, copy, tmp_path):
    from prefect import flow
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

    from sightline.tasks.ingest import ingest

    pipeline, canary = finished[0], tmp_path / "canary"
    run, *inputs = pipeline.inputs("ingest", copy)

    @flow
    def one_stage():
        state = ingest(run, *inputs, return_state=True)
        return state.name, state.result()

    def increase_a_count(text):
        return text.replace(b'\\"train\\": [8', b'\\"train\\": [9', 1)

    def plant_a_pickle(text):
        record = json.loads(text)
        record["metadata"]["serializer"] = {"type": "pickle", "picklelib": "pickle"}
        record["result"] = base64.b64encode(pickle.dumps(Canary(canary))).decode()
        return json.dumps(record).encode()

    expected = ("Cached", pipeline.records["ingest"])
    assert one_stage() == expected
    (stored,) = Path(PREFECT_LOCAL_STORAGE_PATH.value()).glob(
        f"sightline-ingest-{pipeline.key('ingest')}-*"
    )
    for change in (increase_a_count, plant_a_pickle, lambda text: text[:100], lambda text: b""):
        before = stored.read_bytes()
        stored.write_bytes(change(before))
        assert stored.read_bytes() != before
        assert one_stage() == expected
    assert not canary.exists()


def test_entry_is_stale_after_a_change_of_the_config(finished, copy):
    pipeline, _ = finished
    run, source, settings = pipeline.inputs("ingest", copy)
    changed = settings.model_copy(update={"channels": 3})
    outcome = pipeline.stages.run("ingest", [run, source, changed], copy)
    assert DatasetFiles.model_validate(outcome.result).image_shape == (12, 12, 3)
    assert len(roots.entries(copy, "ingest")) == 2


def test_entry_is_stale_after_a_change_of_the_code(finished, copy, tmp_path):
    pipeline, _ = finished
    source = tmp_path / "src" / "sightline"
    shutil.copytree(Path(package.__file__).parent, source)
    program = (
        "import sys; from pydantic import validate_call; from sightline.data import ingest\n"
        "import json; validate_call(ingest.ingest)(*json.loads(sys.argv[1]))"
    )
    inputs = [item.model_dump(mode="json") for item in pipeline.inputs("ingest", copy)]
    environment = {**os.environ, "PYTHONPATH": str(source.parent)}

    def entries():
        done = execute(sys.executable, "-c", program, json.dumps(inputs), env=environment)
        assert done.returncode == 0, done.stderr
        return roots.entries(copy, "ingest")

    assert entries() == [pipeline.key("ingest")]
    for name, count in (("preprocess.py", 1), ("decoding/images.py", 2)):  # ingest uses the second
        changed = source / "data" / name
        changed.write_text(f"{changed.read_text()}\n# changed\n")
        assert len(entries()) == count


def test_damaged_run_folder_is_found_by_the_command(copy):
    intact = invoke("runs", "verify", "--artifacts", str(copy))
    assert intact.returncode == 0, intact.stderr
    model = copy / "runs" / "first" / "model.keras"
    before = digests.sha256(model)
    model.write_bytes(flip(model.read_bytes(), random.Random(0)))  # noqa: S311 - no secret
    damaged = invoke("runs", "verify", "latest", "--artifacts", str(copy))
    assert damaged.returncode == 1
    (line,) = damaged.stderr.splitlines()
    assert all(fact in line for fact in ("runs/first/model.keras", before, digests.sha256(model)))
