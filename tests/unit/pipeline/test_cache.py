import errno
import hashlib
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from elsewhere import lock_wait
from made_entries import KEY, blueprint, never
from sightline.errors import BusyStorageError, StorageError
from sightline.models.build import BUILD
from sightline.pipeline.cache import find, find_or_make
from sightline.records import ModelBlueprint, Run
from sightline.storage import digests, json_digest, known_digests
from sightline.storage.npy import ArrayWriter


def make(draft):
    for name in ("architecture", "a/b/summary"):
        draft.path(name).write_text(name)
    draft.path("a/empty/file").parent.rmdir()
    return blueprint(draft, "a/b/summary")


@pytest.fixture
def entry(run):
    """Where the entry of `KEY` is or will be."""
    return run.workspace.root / "cache" / "build" / KEY


def test_second_call_finds_what_the_first_made(run, entry):
    made = find_or_make(run, BUILD, KEY, make)
    assert find_or_make(run, BUILD, KEY, never) == made
    assert made.summary.path == f"cache/build/{KEY}/a/b/summary"
    assert (run.workspace.root / made.summary.path).read_text() == "a/b/summary"
    manifest = json.loads((entry / "manifest.json").read_bytes())
    assert set(manifest["files"]) == {"architecture", "a/b/summary"}


def test_refresh_makes_again_once_a_run(run):
    find_or_make(run, BUILD, KEY, make)
    used_id = Run(id=run.id, workspace=run.workspace, refresh=True)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    for one in (used_id, fresh):
        assert find(one, BUILD, KEY).made_by == run.token != one.token
        with pytest.raises(AssertionError, match="rebuilt"):
            find_or_make(one, BUILD, KEY, never)
    find_or_make(fresh, BUILD, KEY, make)
    find_or_make(fresh, BUILD, KEY, never)


def test_leftovers_of_a_killed_process_are_removed(run, entry):
    mine, other = (entry.with_name(f".{digit * 40}.abc.tmp") for digit in "01")
    for leftover in (mine, other):
        (leftover / "half").mkdir(parents=True)
    find_or_make(run, BUILD, KEY, make)
    assert not mine.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("raised", "expected", "named"),
    [
        (OSError(errno.ENOSPC, ""), StorageError, r"[\d,]+ bytes .* --artifacts"),
        (OSError(errno.EROFS, ""), StorageError, "--artifacts"),
        (OSError(errno.EACCES, ""), StorageError, "--artifacts"),
        (OSError(errno.EIO, ""), BusyStorageError, "run again"),
        (OSError(errno.ESTALE, ""), BusyStorageError, "run again"),
        (OSError(errno.ENOENT, "no file"), FileNotFoundError, "no file"),
        (AssertionError("by hand"), AssertionError, "by hand"),
    ],
)
def test_errors_of_the_disk_are_explained_and_leave_nothing(run, entry, raised, expected, named):
    def fail(draft):
        draft.path("half").touch()
        raise raised

    with pytest.raises(expected, match=named):
        find_or_make(run, BUILD, KEY, fail)
    assert [path.name for path in entry.parent.iterdir()] == [f".{KEY}.lock"]


def edit_manifest(folder, **changes):
    """Change the manifest and give it the digest of its new content."""
    path = folder / "manifest.json"
    manifest = json.loads(json_digest.verify(path.read_bytes()))
    path.write_bytes(json_digest.dumps({**manifest, **changes}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "changed bytes": lambda folder: (folder / "a/b/summary").write_text("a/b/pictura"),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "truncated": lambda folder: os.truncate(folder / "manifest.json", 100),
    "other JSON": lambda folder: (folder / "manifest.json").write_text("[]"),
    "files": lambda folder: edit_manifest(folder, files=["summary"]),
    "file outside": lambda folder: edit_manifest(folder, files={"../build": "0" * 64}),
    "record": lambda folder: edit_manifest(folder, record={"parameters": "many"}),
    "other stage": lambda folder: edit_manifest(folder, stage="train"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_rebuilt(run, entry, damage, caplog):
    made = find_or_make(run, BUILD, KEY, make)
    DAMAGES[damage](entry)
    assert find(run, BUILD, KEY) is None
    assert entry.exists(), "a look-up never removes an entry"
    assert KEY in caplog.text
    assert find_or_make(run, BUILD, KEY, make) == made
    assert find(run, BUILD, KEY) is not None


def test_entry_is_read_again_only_if_it_changed_or_nothing_is_trusted(
    run, entry, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(known_digests, "_SMALL", 0)
    now = time.time_ns
    monkeypatch.setattr(known_digests.time, "time_ns", lambda: now() + 60 * 10**9)
    made, reads = find_or_make(run, BUILD, KEY, make), []
    digest = hashlib.file_digest

    def noted(file, name):
        reads.append(Path(file.name).name)
        return digest(file, name)

    monkeypatch.setattr(known_digests.hashlib, "file_digest", noted)
    assert find(run, BUILD, KEY).record == find(run, BUILD, KEY).record == made
    assert sorted(reads) == ["architecture", "summary"]
    monkeypatch.setenv(known_digests.VARIABLE, "1")
    assert find(run, BUILD, KEY).record == made
    assert sorted(reads) == ["architecture", "architecture", "summary", "summary"]
    monkeypatch.delenv(known_digests.VARIABLE)
    (entry / "architecture").write_text("ARCHITECTURE")
    assert find(run, BUILD, KEY) is None


def test_two_runs_at_once_share_one_computation(run):
    made: list[ModelBlueprint] = []
    with lock_wait() as other_waits, ThreadPoolExecutor() as pool:

        def slow(draft):
            assert other_waits.wait(60)
            made.append(make(draft))
            return made[0]

        runs = [pool.submit(find_or_make, run, BUILD, KEY, slow) for _ in range(2)]
    assert [one.result() for one in runs] == [made[0]] * 2
    assert len(made) == 1


def test_manifest_lists_every_file_and_reads_only_those_without_a_record(run, entry, monkeypatch):
    read: list[str] = []
    sha256 = digests.sha256
    monkeypatch.setattr(digests, "sha256", lambda path: (read.append(path.name), sha256(path))[1])

    def make_more(draft):
        draft.path("notes").write_text("without a record")
        with ArrayWriter(draft.path("images.npy"), (2, 3), "uint8") as writer:
            writer.append(np.ones((2, 3), np.uint8))
        draft.array_record(writer)
        return make(draft)

    find_or_make(run, BUILD, KEY, make_more)
    assert sorted(read) == ["architecture", "notes", "summary"]
    found = json.loads((entry / "manifest.json").read_bytes())["files"]
    names = ("a/b/summary", "architecture", "images.npy", "notes")
    assert found == {name: sha256(entry / name) for name in names}
