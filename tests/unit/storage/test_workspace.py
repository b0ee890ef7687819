import errno
from concurrent.futures import ThreadPoolExecutor

import pytest

from elsewhere import lock_wait, used_elsewhere
from sightline.errors import InputError, StorageError
from sightline.storage.workspace import Workspace


def test_several_runs_may_use_the_workspace(tmp_path):
    with used_elsewhere(tmp_path), Workspace(tmp_path).in_use(), Workspace(tmp_path).in_use():
        assert Workspace(tmp_path).is_in_use()
    assert not Workspace(tmp_path).is_in_use()


def test_clean_up_is_refused_until_a_run_that_uses_the_workspace_is_killed(tmp_path):
    with used_elsewhere(tmp_path) as process:
        with pytest.raises(InputError, match=str(tmp_path)), Workspace(tmp_path).exclusive():
            pass
        process.kill()
        process.wait()
        assert not Workspace(tmp_path).is_in_use()
        with Workspace(tmp_path).exclusive():
            pass


def test_run_waits_for_a_clean_up_and_logs_it(tmp_path, caplog):
    use = Workspace(tmp_path).in_use()
    with ThreadPoolExecutor() as pool, lock_wait() as logged, Workspace(tmp_path).exclusive():
        run = pool.submit(use.__enter__)
        assert logged.wait(60)
        assert not run.done()
    run.result()
    assert str(tmp_path) in caplog.text


def test_is_in_use_writes_nothing(tmp_path):
    assert not Workspace(tmp_path / "artifacts").is_in_use()
    assert list(tmp_path.iterdir()) == []


def test_root_that_cannot_be_created_is_refused_but_errors_of_the_block_pass_unchanged(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"), Workspace(tmp_path / "file" / "a").in_use():
        pass
    with pytest.raises(PermissionError, match="of the block"), Workspace(tmp_path).in_use():
        raise PermissionError(13, "of the block")


@pytest.mark.parametrize(
    ("url", "option"), [(None, "--artifacts"), ("memory://full", "SIGHTLINE_CACHE")]
)
def test_full_disk_names_what_chooses_another_folder(tmp_path, url, option):
    workspace = Workspace(tmp_path, url)
    with pytest.raises(StorageError, match=f"full.*{option}"), workspace.storage_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
