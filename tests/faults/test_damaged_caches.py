"""Stored files are checked before use, and rebuilt if they are damaged."""

import base64
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import faultpoint_root as roots
import sightline as package
from command import Command
from depth import at_depth
from faultpoint_root import Finished
from file_damage import empty, flip, shrink, truncate
from mutation_sweep import sweep, with_everything
from refusal import check_refused
from sightline.data.ingest import INGEST
from sightline.pipeline import cache
from sightline.records import DatasetFiles, Run
from sightline.storage import digests
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign

Change = Callable[[bytes, random.Random], bytes]


def flip_a_digit(content: bytes, rng: random.Random) -> bytes:
    """Change a number of the record and nothing else: valid JSON, valid record."""
    manifest = json.loads(content)
    manifest["record"]["counts"]["train"][0] += 1
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode()


def forget_a_file(content: bytes, rng: random.Random) -> bytes:
    """Take a file out of the list, so that nobody would check it."""
    manifest = json.loads(content)
    del manifest["files"]["images_train.npy"]
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode()


def case(row: str, step: str, name: str, change: Change) -> object:
    label = f"row-{row}-{step}-{name}-{change.__name__.replace('_', '-')}"
    return pytest.param(step, name, change, id=label)


@pytest.mark.parametrize(
    ("step", "name", "change"),
    [
        case("14", "ingest", "images_train.npy", flip),
        case("14", "preprocess", "images_test.npy", flip),
        case("15", "ingest", "images_train.npy", truncate),
        case("15", "ingest", "images_test.npy", empty),
        case("15", "ingest", "images_train.npy", shrink),
        case("15", "preprocess", "labels_train.npy", shrink),
        case("16", "ingest", "labels.parquet", flip),
        case("16", "evaluate", "predictions.parquet", flip),
        case("17", "ingest", "manifest.json", truncate),
        case("17", "preprocess", "manifest.json", empty),
        case("17", "ingest", "manifest.json", flip_a_digit),
        case("17", "ingest", "manifest.json", forget_a_file),
        case("17", "build", "architecture.json", flip),
        case("17", "train", "model.keras", flip),
        case("17", "report", "curves.png", flip),
    ],
)
def test_damaged_file_is_noticed_and_made_again_with_the_same_bytes(
    finished: Finished, tmp_path: Path, step: str, name: str, change: Change
) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root")
    path = copy / "cache" / step / pipeline.key(step) / name
    path.write_bytes(change(path.read_bytes(), random.Random(14)))  # noqa: S311 - no secret
    assert roots.visible_damage(copy) == [str(path.parent)]
    healed = pipeline.run(step, copy)
    assert healed.error is None, healed.error
    assert f"The cached result of {step} ({pipeline.key(step)}) is damaged" in healed.log
    assert f"{name}: " in healed.log
    assert roots.results(copy) == roots.results(root)
    assert roots.visible_damage(copy) == []
    assert roots.leftovers(copy) == []


def test_missing_manifest_and_missing_file_are_made_again(
    finished: Finished, tmp_path: Path
) -> None:
    pipeline, root = finished
    for name in ("manifest.json", "labels.parquet"):
        copy = roots.copy(root, tmp_path / name)
        (copy / "cache" / "ingest" / pipeline.key("ingest") / name).unlink()
        assert "Rebuilding the damaged cache entry" in pipeline.run("ingest", copy).log
        assert roots.results(copy) == roots.results(root)


def test_entry_under_the_key_of_another_is_not_believed(finished: Finished, tmp_path: Path) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root")
    entry = copy / "cache" / "ingest" / pipeline.key("ingest")
    shutil.copytree(entry, entry.with_name("0" * 40))
    run = Run(id="x", workspace=Workspace(copy))
    assert cache.find(run, INGEST, "0" * 40) is None
    assert cache.find(run, INGEST, entry.name) is not None


def test_no_change_of_any_stored_file_is_silent(
    finished: Finished, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline, root = finished
    everything = with_everything(pipeline, root, tmp_path / "root")
    with caplog.at_level("ERROR", "sightline"):
        *_, tally = sweep(pipeline, everything, at_depth(150, 1000), seed=1417, heal=2, slow=False)
    assert tally.silent == []
    assert tally.changed == tally.noticed
    assert len(tally.changed) >= 15
    assert tally.healed.total() >= 5


def test_damaged_run_folder_is_found_by_the_command(
    finished: Finished, tmp_path: Path, sightline: Command
) -> None:
    copy = roots.copy(finished[1], tmp_path / "root")
    run = copy / "runs" / "first"
    verify = ("runs", "verify", "--artifacts", str(copy))
    sound = sightline(*verify)
    assert sound.returncode == 0, sound.stderr
    assert "ok" in sound.stdout
    model = run / "model.keras"
    before = digests.sha256(model)
    model.write_bytes(flip(model.read_bytes(), random.Random(0)))  # noqa: S311 - no secret
    (run / "curves.png").unlink()
    (run / "notes.txt").touch()
    damaged = sightline(*verify, "latest")
    assert damaged.returncode == 1
    lines = damaged.stderr.splitlines()
    found = f"expected SHA-256 {before}, found SHA-256 {digests.sha256(model)}"
    assert f"runs/first/model.keras: {found}" in lines
    assert any("runs/first/curves.png: expected SHA-256" in line for line in lines)
    assert any("runs/first/notes.txt: expected nothing" in line for line in lines)
    assert len(lines) == 3


def test_damaged_manifest_of_a_run_is_an_error_that_names_it(
    finished: Finished, tmp_path: Path, sightline: Command
) -> None:
    copy = roots.copy(finished[1], tmp_path / "root")
    manifest = copy / "runs" / "first" / "manifest.json"
    text = manifest.read_text()
    accuracy = json.loads(text)["records"]["evaluate"]["accuracy"]
    manifest.write_text(text.replace(f'"accuracy": {accuracy}', '"accuracy": 0.99', 1))
    shown = sightline("runs", "show", "first", "--artifacts", str(copy))
    check_refused(shown, str(manifest), "expected SHA-256", "got", "restore it from a copy")


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def change_a_count(text: bytes) -> bytes:
    return text.replace(b'\\"train\\": [8', b'\\"train\\": [9', 1)


@pytest.mark.usefixtures("prefect_api")
def test_stored_result_of_prefect_that_was_changed_is_never_believed(
    finished: Finished, tmp_path: Path
) -> None:
    from prefect import flow
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

    from sightline.tasks.ingest import ingest

    pipeline, root = finished
    copy, canary = roots.copy(root, tmp_path / "root"), tmp_path / "canary"
    run, *inputs = pipeline.inputs("ingest", copy)

    @flow
    def one_stage() -> tuple[str | None, object]:
        state = ingest(run, *inputs, return_state=True)
        return state.name, state.result()

    def plant_a_pickle(text: bytes) -> bytes:
        record = json.loads(text)
        record["metadata"]["serializer"] = {"type": "pickle", "picklelib": "pickle"}
        record["result"] = base64.b64encode(pickle.dumps(Canary(canary))).decode()
        return json.dumps(record).encode()

    expected = ("Cached", pipeline.records["ingest"])
    assert one_stage() == expected
    (stored,) = Path(PREFECT_LOCAL_STORAGE_PATH.value()).glob(
        f"sightline-ingest-{pipeline.key('ingest')}-*"
    )
    for change in (change_a_count, plant_a_pickle, lambda text: text[:100], lambda text: b""):
        before = stored.read_bytes()
        stored.write_bytes(change(before))
        assert stored.read_bytes() != before
        assert one_stage() == expected
    assert not canary.exists()


def test_entry_is_stale_after_a_change_of_the_config(finished: Finished, tmp_path: Path) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root")
    run, source, settings = pipeline.inputs("ingest", copy)
    changed = settings.model_copy(update={"channels": 3})
    outcome = pipeline.stages.run("ingest", [run, source, changed], copy)
    made = DatasetFiles.model_validate(outcome.result)
    assert made.image_shape == (12, 12, 3)
    assert pipeline.key("ingest") not in made.labels.path
    assert len(roots.entries(copy, "ingest")) == 2


def test_entry_is_stale_after_a_change_of_the_code(finished: Finished, tmp_path: Path) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root")
    source = tmp_path / "src" / "sightline"
    shutil.copytree(Path(package.__file__).parent, source)
    program = (
        "import sys; from pydantic import validate_call; from sightline.data import ingest\n"
        "import json; validate_call(ingest.ingest)(*json.loads(sys.argv[1]))"
    )
    inputs = [item.model_dump(mode="json") for item in pipeline.inputs("ingest", copy)]
    command = [sys.executable, "-c", program, json.dumps(inputs)]
    environment = {**os.environ, "PYTHONPATH": str(source.parent)}
    subprocess.run(command, env=environment, check=True)
    assert roots.entries(copy, "ingest") == [pipeline.key("ingest")]
    shared = source / "scaling.py"  # no part of ingest
    shared.write_text(f"{shared.read_text()}\n# changed\n")
    subprocess.run(command, env=environment, check=True)
    assert roots.entries(copy, "ingest") == [pipeline.key("ingest")]
    used = source / "datasets" / "pixels.py"
    used.write_text(f"{used.read_text()}\n# changed\n")
    subprocess.run(command, env=environment, check=True)
    assert len(roots.entries(copy, "ingest")) == 2
