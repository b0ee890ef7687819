"""The local folder of a workspace on object storage: a cache that may be deleted at any time."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from sightline.errors import StorageError
from sightline.storage import object_store

VARIABLE = "SIGHTLINE_CACHE"


def folder(url: str) -> Path:
    """Return the folder of a store's URL, below SIGHTLINE_CACHE; it may not exist yet.

    By default it is in the user's cache folder, or in the temporary folder if that is not
    writable. Raises StorageError if SIGHTLINE_CACHE is not an absolute path.
    """
    digest = hashlib.sha256(f"{url} {object_store.endpoint()}".encode()).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9]+", "-", url.partition("://")[2]).strip("-")[:60]
    return _parent() / f"{name}-{digest}"


def _parent() -> Path:
    if given := os.environ.get(VARIABLE):
        if not Path(given).is_absolute():
            raise StorageError(f"{VARIABLE} is {given!r}; expected the absolute path of a folder.")
        return Path(given)
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    existing = next((path for path in (home, *home.parents) if path.is_dir()), Path("/"))
    if os.access(existing, os.W_OK):
        return home / "sightline" / "artifacts"
    return Path(tempfile.gettempdir()) / f"sightline-{os.getuid()}" / "artifacts"
