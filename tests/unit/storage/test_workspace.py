import threading
from pathlib import Path

import pytest

from elsewhere import at_work_elsewhere, somebody_waits
from sightline.errors import InputError, StorageError
from sightline.storage.workspace import Workspace


def test_several_may_be_at_work_at_once(tmp_path: Path) -> None:
    with at_work_elsewhere(tmp_path), Workspace(tmp_path).in_use(), Workspace(tmp_path).in_use():
        assert Workspace(tmp_path).is_in_use()
    assert not Workspace(tmp_path).is_in_use()


def test_clean_up_is_refused_while_a_run_is_at_work(tmp_path: Path) -> None:
    with (
        at_work_elsewhere(tmp_path),
        pytest.raises(InputError, match=str(tmp_path)),
        Workspace(tmp_path).exclusive(),
    ):
        pass
    with Workspace(tmp_path).exclusive():
        pass


def test_killed_run_is_no_longer_at_work(tmp_path: Path) -> None:
    with at_work_elsewhere(tmp_path) as process:
        process.kill()
        process.wait()
        assert not Workspace(tmp_path).is_in_use()
        with Workspace(tmp_path).exclusive():
            pass


def test_run_that_begins_during_a_clean_up_waits_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = threading.Event()

    def work() -> None:
        with Workspace(tmp_path).in_use():
            begun.set()

    worker = threading.Thread(target=work)
    with somebody_waits() as said, Workspace(tmp_path).exclusive():
        worker.start()
        assert said.wait(60)
        assert not begun.is_set()
    worker.join()
    assert begun.is_set()
    assert f"Waiting for the clean-up of {tmp_path} to end" in caplog.text


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not Workspace(tmp_path / "artifacts").is_in_use()
    assert list(tmp_path.iterdir()) == []


def test_root_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match="cannot be used"),
        Workspace(tmp_path / "file" / "artifacts").in_use(),
    ):
        pass


def test_error_of_the_work_itself_passes_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="of the work"), Workspace(tmp_path).in_use():
        raise PermissionError(13, "of the work")
