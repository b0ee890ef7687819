import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prunable import Publish, entries, key, prune, tree
from sightline.errors import StorageError
from sightline.runs import run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace


def test_leftovers_of_killed_processes_go(artifacts: Path, publish: Publish) -> None:
    publish("new", "2")
    places = ["runs/.new.0123abcd.tmp", "runs/.old.0123abcd.aside", "pins/.new.json.0123abcd.tmp"]
    places += [f"cache/build/.{key('1')}.0123abcd.tmp", f"cache/build/.{key('2')}.0123abcd.aside"]
    for place in places:
        (artifacts / place).parent.mkdir(exist_ok=True)
        if place.startswith("pins"):
            (artifacts / place).write_bytes(b"1234")
        else:
            (artifacts / place).mkdir()
            (artifacts / place / "half").write_bytes(b"1234")
    (artifacts / "cache" / "build" / f".{key('1')}.lock").touch()
    plan = prune(artifacts, 1)
    assert {left.path: left.bytes for left in plan.leftovers} == dict.fromkeys(places, 4)
    assert not any((artifacts / place).exists() for place in places)
    assert not (artifacts / "cache" / "build" / f".{key('1')}.lock").exists()
    assert (artifacts / "cache" / "build" / f".{key('2')}.lock").exists()
    assert run_folder.run_ids(Workspace(artifacts)) == ["new"]


def test_leftovers_of_downloads_looks_and_noise_bands_go_and_what_is_whole_stays(
    artifacts: Path, publish: Publish
) -> None:
    publish("new", "2")
    half = [
        ".history.png.0123abcd.tmp",
        "datasets/mnist/.t10k.gz.0123abcd.tmp",
        "noise/.band.json.0123abcd.tmp",
        "watch/.look.json.0123abcd.tmp",
    ]
    whole = ["history.png", "datasets/mnist/t10k.gz", "noise/band.json", "watch/look.json"]
    for name in (*half, *whole):
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / name).touch()
    (artifacts / "runs" / ".killed.lock").touch()
    prune(artifacts, 1)
    assert not any((artifacts / name).exists() for name in half)
    assert all((artifacts / name).exists() for name in whole)
    assert [path.name for path in (artifacts / "runs").iterdir()] == ["new"]


def test_what_killed_writers_left_of_models_goes_but_nothing_behind_a_link(
    artifacts: Path, publish: Publish, tmp_path: Path
) -> None:
    publish("new", "2")
    half = [".last_event.json.0123abcd.tmp"]
    half += [f"{name}/.1.0123abcd.tmp" for name in ("versions", "audit", "attestations")]
    elsewhere = tmp_path / "elsewhere"
    for home in (artifacts / "models/mnist", elsewhere):
        for name in (*half, "versions/1", "audit/notes"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).touch()
    (artifacts / "models/zoo").symlink_to(elsewhere)
    plan = prune(artifacts, 1)
    assert {left.path for left in plan.leftovers} == {f"models/mnist/{name}" for name in half}
    assert not any((artifacts / "models/mnist" / name).exists() for name in half)
    assert (artifacts / "models/mnist/versions/1").exists()
    assert all((elsewhere / name).exists() for name in half)


KILLED_PRUNE = """
import os, pathlib, shutil, signal, sys
from sightline.registry.retention import registered_models
from sightline.runs.prune import prune
from sightline.storage.workspace import Workspace
done, really = 0, os.unlink
def unlink(*arguments, **options):
    global done
    done += 1
    if done > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    really(*arguments, **options)
os.unlink = unlink
prune.prune(Workspace(pathlib.Path(sys.argv[1])), 1, registered_models)
"""


@pytest.mark.parametrize("removed_files", [0, 3, 20])
def test_killed_clean_up_leaves_nothing_half_removed_in_sight(
    artifacts: Path, publish: Publish, removed_files: int
) -> None:
    for digit in "123":
        publish(f"run-{digit}", digit)
    whole = {name: content for name, (_, _, content) in tree(artifacts).items()}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_PRUNE, str(artifacts), str(removed_files)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    left = {name: content for name, (_, _, content) in tree(artifacts).items()}
    assert 0 < len(list(files.leftovers(artifacts / "runs"))) <= 2
    for run_id in run_folder.run_ids(Workspace(artifacts)):
        folder = f"runs/{run_id}/"
        assert {name for name in whole if name.startswith(folder)} <= left.keys()
    prune(artifacts, 1)
    assert [path.name for path in (artifacts / "runs").iterdir()] == ["run-3"]
    assert entries(artifacts) == ["3"]


def test_what_cannot_be_removed_completely_is_reported(
    artifacts: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("old")
    publish("new")
    monkeypatch.setattr(files.shutil, "rmtree", lambda path, ignore_errors: None)
    with pytest.raises(StorageError, match=r"\.old\..*\.aside.* prune again"):
        prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["new"]
