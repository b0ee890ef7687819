import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from elsewhere import somebody_waits
from sightline.errors import InputError, StorageError
from sightline.runs import pins, run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace


def make_run(root: Path, run_id: str) -> Path:
    folder = run_folder.folder(Workspace(root), run_id)
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()
    return folder


def test_pin_says_when_and_why_and_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "be", "in the paper")
    pin = pins.find(Workspace(tmp_path), "best")
    assert pin is not None
    assert pin.reason == "in the paper"
    assert pin.pinned is not None
    assert abs(datetime.now(UTC) - pin.pinned) < timedelta(minutes=1)
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    assert pins.pinned_ids(Workspace(tmp_path)) == {"best"}


def test_pinning_again_renews_the_reason(tmp_path: Path) -> None:
    make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "best", "first")
    pins.pin(Workspace(tmp_path), "latest", "second")
    pin = pins.find(Workspace(tmp_path), "best")
    assert pin is not None
    assert pin.reason == "second"


def test_unpinned_run_is_not_pinned(tmp_path: Path) -> None:
    make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "best")
    assert pins.unpin(Workspace(tmp_path), "latest") == "best"
    assert pins.find(Workspace(tmp_path), "best") is None
    with pytest.raises(InputError, match="'best' is not pinned"):
        pins.unpin(Workspace(tmp_path), "best")


def test_unknown_run_is_neither_pinned_nor_unpinned(tmp_path: Path) -> None:
    for change in (pins.pin, pins.unpin):
        with pytest.raises(InputError, match="no run 'nothing'"):
            change(Workspace(tmp_path / "artifacts"), "nothing")
    assert list(tmp_path.iterdir()) == []


def test_pin_of_a_run_that_is_gone_can_be_taken_away(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "best")
    files.remove(folder)
    assert pins.unpin(Workspace(tmp_path), "best") == "best"
    assert pins.pinned_ids(Workspace(tmp_path)) == frozenset()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"run_id": 1}'])
def test_damaged_pin_still_pins(tmp_path: Path, content: bytes) -> None:
    make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "best", "reason")
    (tmp_path / "pins" / "best.json").write_bytes(content)
    assert pins.pinned_ids(Workspace(tmp_path)) == {"best"}
    assert pins.find(Workspace(tmp_path), "best") == pins.Pin(run_id="best", pinned=None)


def test_pin_whose_reason_was_changed_by_a_bit_counts_as_damaged(tmp_path: Path) -> None:
    make_run(tmp_path, "best")
    pins.pin(Workspace(tmp_path), "best", "reason")
    path = tmp_path / "pins" / "best.json"
    path.write_bytes(path.read_bytes().replace(b': "reason', b': "season', 1))
    assert pins.find(Workspace(tmp_path), "best") == pins.Pin(run_id="best", pinned=None)


def test_half_written_pin_is_none(tmp_path: Path) -> None:
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins" / ".best.json.0123abcd.tmp").touch()
    assert pins.pinned_ids(Workspace(tmp_path)) == frozenset()


def test_pins_that_cannot_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "pins").touch()
    with pytest.raises(StorageError, match="pins cannot be used"):
        pins.pinned_ids(Workspace(tmp_path))


def test_run_that_a_clean_up_removes_meanwhile_is_not_pinned(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "old")
    errors: list[InputError] = []

    def pin() -> None:
        try:
            pins.pin(Workspace(tmp_path), "old")
        except InputError as error:
            errors.append(error)

    pinning = threading.Thread(target=pin)
    with somebody_waits() as said, Workspace(tmp_path).exclusive():
        pinning.start()
        assert said.wait(60)
        files.set_aside(folder)
    pinning.join()
    assert "no run 'old'" in str(errors[0])
    assert not (tmp_path / "pins").exists()
