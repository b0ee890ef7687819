"""The user's cache folder, or a temporary one where the home cannot be written."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from sightline.errors import StorageError


def folder(name: str) -> Path:
    """Return the folder `sightline/<name>` of the user's cache, which exists.

    In a container with a read-only file system it is a private folder of the temporary folder.
    Raises StorageError if that cannot be written, or belongs to another user.
    """
    path = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sightline" / name
    with suppress(OSError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        path = _temporary() / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _temporary() -> Path:
    path = Path(tempfile.gettempdir()) / f"sightline-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        private = path.lstat().st_uid == os.getuid() and not path.is_symlink()
    except OSError:
        private = False
    if not private:
        raise StorageError(f"{path} cannot be used; set XDG_CACHE_HOME to a folder of your own.")
    return path
