import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import BusyStorageError, StorageError
from sightline.models.build import BUILD
from sightline.pipeline.cache import Draft, find, find_or_make
from sightline.records import FileRecord, Layer, ModelBlueprint, Run
from sightline.storage import digests, json_digest
from sightline.storage.npy import ArrayWriter

KEY = "0" * 40


def make(draft: Draft) -> ModelBlueprint:
    files: dict[str, FileRecord] = {}
    for name in ("architecture", "summary"):
        draft.path(name).write_text(name)
        files[name] = draft.record(name)
    return ModelBlueprint(
        **files,
        layers=(Layer(name="dense", kind="Dense", output_shape=(10,), parameters=330),),
        parameters=330,
        image_shape=(28, 28, 1),
        num_classes=10,
    )


def never(draft: Draft) -> ModelBlueprint:
    raise AssertionError("rebuilt")


def entry_folder(run: Run) -> Path:
    return run.workspace.root / "cache" / "build" / KEY


def test_second_call_finds_what_the_first_made(run: Run) -> None:
    made = find_or_make(run, BUILD, KEY, make)
    assert find_or_make(run, BUILD, KEY, never) == made
    assert made.architecture.path == f"cache/build/{KEY}/architecture"
    assert (run.workspace.root / made.architecture.path).read_text() == "architecture"


def test_entry_names_the_run_that_made_it(run: Run) -> None:
    find_or_make(run, BUILD, KEY, make)
    later = run.model_copy(update={"id": "later"})
    entry = find(later, BUILD, KEY)
    assert entry.made_by == run.token != later.token


def test_look_up_never_removes_an_entry(run: Run) -> None:
    find_or_make(run, BUILD, KEY, make)
    flip_a_byte(entry_folder(run))
    assert find(run, BUILD, KEY) is None
    assert entry_folder(run).exists()


def test_refresh_under_a_used_run_id_makes_again(run: Run) -> None:
    find_or_make(run, BUILD, KEY, make)
    again = Run(id=run.id, workspace=run.workspace, refresh=True)
    with pytest.raises(AssertionError, match="rebuilt"):
        find_or_make(again, BUILD, KEY, never)


def test_leftovers_of_a_killed_process_are_removed(run: Run) -> None:
    stages = entry_folder(run).parent
    mine, other = stages / f".{KEY}.abc.tmp", stages / f".{'1' * 40}.abc.tmp"
    for leftover in (mine, other):
        leftover.mkdir(parents=True)
        (leftover / "half").touch()
    find_or_make(run, BUILD, KEY, make)
    assert not mine.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.ENOSPC, StorageError, r"is full, [\d,]+ bytes are free"),
        (errno.EROFS, StorageError, "cannot be used"),
        (errno.EACCES, StorageError, "cannot be used"),
        (errno.EIO, BusyStorageError, "did not respond"),
        (errno.ESTALE, BusyStorageError, "did not respond"),
        (errno.ENOENT, FileNotFoundError, "as the system says"),
    ],
)
def test_errors_of_the_disk_are_explained_and_leave_nothing(
    run: Run, number: int, error: type[Exception], message: str
) -> None:
    def fail(draft: Draft) -> ModelBlueprint:
        draft.path("half").touch()
        raise OSError(number, "as the system says")

    with pytest.raises(error, match=message):
        find_or_make(run, BUILD, KEY, fail)
    assert [path.name for path in entry_folder(run).parent.iterdir()] == [f".{KEY}.lock"]


def flip_a_byte(folder: Path) -> None:
    path = folder / "architecture"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def edit_manifest(folder: Path, **changes: object) -> None:
    """Change the manifest and give it the digest of its new content."""
    path = folder / "manifest.json"
    manifest = json.loads(json_digest.verify(path.read_bytes()))
    path.write_bytes(json_digest.dumps({**manifest, **changes}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped bit": flip_a_byte,
    "no file": lambda folder: (folder / "summary").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "truncated": lambda folder: os.truncate(folder / "manifest.json", 100),
    "other JSON": lambda folder: (folder / "manifest.json").write_text("[]"),
    "files": lambda folder: edit_manifest(folder, files=["summary"]),
    "record": lambda folder: edit_manifest(folder, record={"parameters": "many"}),
    "other stage": lambda folder: edit_manifest(folder, stage="train"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_rebuilt(run: Run, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    made = find_or_make(run, BUILD, KEY, make)
    DAMAGES[damage](entry_folder(run))
    assert find(run, BUILD, KEY) is None
    assert KEY in caplog.text
    assert find_or_make(run, BUILD, KEY, make) == made
    assert find(run, BUILD, KEY) is not None


def test_refresh_makes_again_once_a_run(run: Run) -> None:
    find_or_make(run, BUILD, KEY, make)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    with pytest.raises(AssertionError, match="rebuilt"):
        find_or_make(fresh, BUILD, KEY, never)
    find_or_make(fresh, BUILD, KEY, make)
    find_or_make(fresh, BUILD, KEY, never)


def test_failed_stage_leaves_nothing_behind(run: Run) -> None:
    with pytest.raises(AssertionError):
        find_or_make(run, BUILD, KEY, never)
    assert [path.name for path in entry_folder(run).parent.iterdir()] == [f".{KEY}.lock"]


def test_two_runs_at_once_share_one_computation(run: Run) -> None:
    calls: list[int] = []
    inside, go_on = threading.Event(), threading.Event()

    def slow(draft: Draft) -> ModelBlueprint:
        calls.append(1)
        inside.set()
        go_on.wait()
        return make(draft)

    results: list[ModelBlueprint] = []
    threads = [
        threading.Thread(target=lambda: results.append(find_or_make(run, BUILD, KEY, slow)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    inside.wait()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert results[0] == results[1]


def test_manifest_lists_every_file_and_reads_only_those_without_a_record(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    sha256 = digests.sha256
    monkeypatch.setattr(digests, "sha256", lambda path: (read.append(path.name), sha256(path))[1])

    def make_more(draft: Draft) -> ModelBlueprint:
        draft.path("notes").write_text("without a record")
        with ArrayWriter(draft.path("images.npy"), (2, 3), "uint8") as writer:
            writer.append(np.ones((2, 3), np.uint8))
        draft.array_record(writer)
        return make(draft)

    find_or_make(run, BUILD, KEY, make_more)
    assert sorted(read) == ["architecture", "notes", "summary"]
    found = json.loads((entry_folder(run) / "manifest.json").read_bytes())["files"]
    assert found == {
        name: sha256(entry_folder(run) / name) for name in [*sorted(read), "images.npy"]
    }


def make_below(draft: Draft) -> ModelBlueprint:
    files: dict[str, FileRecord] = {}
    for name in ("architecture", "summary"):
        draft.path(f"a/b/{name}").write_text(name)
        files[name] = draft.record(f"a/b/{name}")
    (draft.path("a/empty/file").parent).rmdir()
    return make(draft).model_copy(update=files)


def test_names_may_lead_into_folders(run: Run) -> None:
    made = find_or_make(run, BUILD, KEY, make_below)
    assert made.summary.path == f"cache/build/{KEY}/a/b/summary"
    assert (run.workspace.root / made.summary.path).read_text() == "summary"
    manifest = json.loads((entry_folder(run) / "manifest.json").read_bytes())
    names = {"architecture", "summary"}
    assert set(manifest["files"]) == names | {f"a/b/{name}" for name in names}
    assert find_or_make(run, BUILD, KEY, never) == made


@pytest.mark.parametrize("damage", ["changed", "removed", "folder"])
def test_damage_below_is_noticed(run: Run, damage: str) -> None:
    made = find_or_make(run, BUILD, KEY, make_below)
    path = run.workspace.root / made.summary.path
    path.unlink()
    if damage == "changed":
        path.write_text("pictura")
    elif damage == "folder":
        path.mkdir()
    assert find(run, BUILD, KEY) is None
    assert find_or_make(run, BUILD, KEY, make_below) == made


@pytest.mark.parametrize(
    "name", ["../build", "/etc/hostname", "a/../summary", "", ".", "./summary"]
)
def test_name_that_leads_elsewhere_is_never_read(run: Run, name: str) -> None:
    find_or_make(run, BUILD, KEY, make)
    edit_manifest(entry_folder(run), files={name: "0" * 64})
    assert find(run, BUILD, KEY) is None
