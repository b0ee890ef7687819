"""Keeps what was read in a temporary file, since readers read a file several times."""

import os
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress

_MOST = 8 << 30  # Bytes
_FOLDER = "/var/tmp"  # noqa: S108 - on disk, where /tmp may be memory; the file has no name there

Key = tuple[str, int, int]  # Name of a file, and where a range of it starts and ends


class Spool:
    """Ranges of files, as far as there is room: at most 8 GiB, and half of the free disk space.

    The file lies in the folder of the environment variable TMPDIR, else in /var/tmp; it has no name
    and vanishes with the process.
    """

    def __init__(self) -> None:
        """Start empty; the file is created with the first range."""
        self._file = -1  # Its descriptor
        self._room = -1  # Not known yet
        self._end = 0
        self._places: dict[Key, int] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> bytes | None:
        """Return a range; None if it is not kept."""
        place = self._places.get(key)
        if place is None:
            return None
        content = os.pread(self._file, key[2] - key[1], place)
        return content if len(content) == key[2] - key[1] else None

    def put(self, key: Key, content: bytes) -> None:
        """Keep a range if there is room."""
        with self._lock, suppress(OSError):
            if self._room < 0:
                self._open()
            if self._end + len(content) > self._room or key in self._places:
                return
            os.pwrite(self._file, content, self._end)
            self._places[key] = self._end
            self._end += len(content)

    def _open(self) -> None:
        self._room = 0
        folder = os.environ.get("TMPDIR") or (_FOLDER if os.path.isdir(_FOLDER) else None)
        with tempfile.TemporaryFile(dir=folder) as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self._room = min(_MOST, shutil.disk_usage(self._file).free // 2)
