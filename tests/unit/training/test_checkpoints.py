import errno
import hashlib

import numpy as np
import pytest

from sightline.errors import BusyStorageError, StorageError
from sightline.storage.workspace import Workspace
from sightline.training.checkpoints import Checkpoint, Checkpoints, Position


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(Workspace(tmp_path), "0" * 40)


@pytest.fixture
def machines(tmp_path):
    """The checkpoints of one training on two machines that share nothing but a store."""
    url = f"memory://{tmp_path}"
    return [Checkpoints(Workspace(tmp_path / name, url), "0" * 40) for name in ("one", "two")]


def at(steps):
    known = {"environment": {"cores": "2"}, "history": ({"epoch": 1, "loss": 0.1},)}
    position = Position(made_by="run", steps=steps, **known)
    arrays = {
        "weights_0": np.full((3, 4), steps, np.float32),
        "seeds_0": np.array([1, steps], np.uint32),
    }
    return Checkpoint(position, arrays)


def test_newest_is_read_back_as_it_was(checkpoints):
    assert checkpoints.newest() is None
    for steps in (5, 1_000_000, 10):
        checkpoints.write(at(steps))
    found = checkpoints.newest()
    assert found.position == at(1_000_000).position
    assert isinstance(found.position.history[0]["epoch"], int)
    assert set(found.arrays) == {"weights_0", "seeds_0"}
    for name, values in at(1_000_000).arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values, strict=True)


def test_two_are_kept_and_other_files_are_left_alone(checkpoints):
    checkpoints.write(at(10))
    (checkpoints.folder / "notes.txt").write_text("mine")
    for steps in (20, 30, 40):
        checkpoints.write(at(steps))
    names = sorted(path.name[:20] for path in checkpoints.folder.iterdir())
    assert names == ["checkpoint-000000030", "checkpoint-000000040", "notes.txt"]
    assert (checkpoints.folder / "notes.txt").read_text() == "mine"
    checkpoints.discard()
    assert not checkpoints.folder.exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "swap", "HTML", "folder"])
def test_damaged_one_is_passed_over_with_a_warning(checkpoints, damage, caplog):
    older, newer = (checkpoints.write(at(steps)) for steps in (10, 20))
    content = newer.read_bytes()
    middle = len(content) // 2
    damaged = {
        "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "truncate": content[:-10],
        "empty": b"",
        "swap": older.read_bytes(),
        "HTML": b"<!doctype html><title>404</title>",
    }
    if damage == "folder":
        newer.unlink()
        newer.mkdir()
    else:
        newer.write_bytes(damaged[damage])
    found = checkpoints.newest()
    assert found.position.steps == 10
    assert f"Skipping the damaged checkpoint {newer}" in caplog.text
    assert not newer.exists()


def test_pickled_arrays_are_never_loaded(checkpoints, caplog):
    path = checkpoints.write(at(1))
    np.savez(path, position=np.array([{"canary": True}], dtype=object))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    path.rename(path.with_name(f"checkpoint-000000001-{digest}.npz"))
    assert checkpoints.newest() is None
    assert "allow_pickle=False" in caplog.text


def test_half_written_one_is_removed(checkpoints):
    checkpoints.write(at(1))
    half = checkpoints.folder / ".checkpoint-000000002-0123456789abcdef.npz.01234567.tmp"
    half.write_bytes(b"PK")
    assert checkpoints.newest() is not None
    assert not half.exists()


def test_another_machine_goes_on_from_the_newest_stored_checkpoint(machines):
    one, two = machines
    for steps in (10, 20, 30):
        one.write(at(steps))
    assert two.newest().position.steps == 30
    two.write(at(40))
    assert one.newest().position.steps == 40
    assert sorted(one._stored()) == [path.name for path in sorted(two._paths())]
    one.discard()
    assert two._stored() == set()


def test_damaged_stored_checkpoint_is_passed_over_and_removed(machines, caplog):
    one, two = machines
    one.write(at(10))
    name = one.write(at(20)).name
    one._store.write(f"checkpoints/{'0' * 40}/{name}", b"damaged")
    assert two.newest().position.steps == 10
    assert name in caplog.text
    assert name not in two._stored()


def test_damaged_local_checkpoint_is_replaced_by_the_stored_one(machines):
    one, _ = machines
    one.write(at(10))
    newest = one.write(at(20))
    newest.write_bytes(b"damaged")
    assert one.newest().position.steps == 20
    assert newest.name in one._stored()


def test_full_disk_is_an_error_and_leaves_the_stored_checkpoints(machines, monkeypatch):
    one, two = machines
    one.write(at(10))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(two._store, "download", full)
    with pytest.raises(StorageError, match="is full"):
        two.newest()
    assert len(two._stored()) == 1


def test_training_goes_on_while_the_store_takes_no_checkpoint(machines, monkeypatch, caplog):
    one, _ = machines

    def fail(*arguments):
        raise BusyStorageError("it did not answer")

    monkeypatch.setattr(one._store, "upload", fail)
    path = one.write(at(10))
    assert "it did not answer" in caplog.text
    assert path.exists()
