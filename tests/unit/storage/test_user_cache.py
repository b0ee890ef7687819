import pytest

from sightline.errors import StorageError
from sightline.storage import user_cache


def test_cache_is_in_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = user_cache.folder("artifacts")
    assert found == tmp_path / "cache" / "sightline" / "artifacts"
    assert found.is_dir()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The temporary folder of a user whose home cannot be written."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self/cache")  # not even by root
    monkeypatch.setattr(user_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_cache_is_private_in_the_temporary_folder_if_the_home_cannot_be_written(temporary):
    found = user_cache.folder("artifacts")
    assert found.parent.parent == temporary
    assert found.parent.stat().st_mode & 0o777 == 0o700


def test_temporary_folder_that_somebody_else_prepared_is_refused(temporary):
    folder = user_cache.folder("artifacts")
    folder.rmdir()
    path = folder.parent
    path.rmdir()
    (temporary / "elsewhere").mkdir()
    path.symlink_to(temporary / "elsewhere")
    with pytest.raises(StorageError, match="XDG_CACHE_HOME"):
        user_cache.folder("artifacts")
