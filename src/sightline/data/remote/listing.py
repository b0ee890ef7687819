"""The files of a data set that lies elsewhere: listed once, without reading them."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sightline.data.remote.spool import Spool
from sightline.errors import BusyStorageError, ChangedDataError, DataError
from sightline.records import Run
from sightline.storage.text import quoted

MAX_FILES = 1_000_000


class RemoteFile(NamedTuple):
    """A file as a listing states it."""

    name: str  # Its POSIX path below the URL
    bytes: int
    version: str  # Its ETag or the digest of its content: it changes with the content


ReadRange = Callable[[RemoteFile, int, int], bytes]
"""Reads the bytes from one position to another; fails if the file changed since it was listed."""


class Listing:
    """Files and folders below a URL."""

    def __init__(self, url: str, files: Iterable[RemoteFile], read: ReadRange) -> None:
        """Take the files from a listing; empty objects that stand for folders are left out.

        Raises DataError if there are more than 1,000,000, or one has a name that no file has.
        """
        self.url = url
        self.run: Run | None = None  # In its workspace, headers of images are kept
        self._read = read
        self._spool = Spool()
        self._files: dict[str, RemoteFile] = {}
        self._folders: dict[str, set[str]] = {}
        for file in files:
            if file.name or file.bytes:
                self._add(file)
        for name in self._folders.keys() & self._files.keys():
            if self._files.pop(name).bytes:
                raise DataError(
                    f"{url}/{quoted(name)} is an object and also a folder of others; rename one."
                )

    def file(self, name: str) -> RemoteFile | None:
        """Return a file; None if there is no such file."""
        return self._files.get(name)

    def folder(self, name: str) -> set[str] | None:
        """Return the names of what a folder holds; None if there is no such folder."""
        return self._folders.get(name)

    def below(self, folder: str) -> Iterator[str]:
        """Yield the names of all files below a folder."""
        return (name for name in self._files if not folder or name.startswith(f"{folder}/"))

    def read(self, file: RemoteFile, start: int, end: int) -> bytes:
        """Read a range of a file, which must not be empty; the next time, from the spool.

        Raises DataError if the file changed since it was listed, BusyStorageError if less arrived.
        """
        key = (file.name, start, end)
        if (kept := self._spool.get(key)) is not None:
            return kept
        content = self._read(file, start, end)
        if len(content) != end - start:
            raise BusyStorageError(
                f"{self.url}/{quoted(file.name)} was cut off: expected {end - start:,} bytes from "
                f"byte {start:,}, found {len(content):,}; run again."
            )
        self._spool.put(key, content)
        return content

    def is_like(self, other: "Listing") -> bool:
        """Return whether both have the same files in the same versions."""
        return self._files == other._files

    def _add(self, file: RemoteFile) -> None:
        parts = file.name.split("/")
        if not file.name.isprintable() or not {"", ".", ".."}.isdisjoint(parts):
            raise DataError(
                f"{self.url} has the object {quoted(repr(file.name))}, whose name is no path of a "
                "file; rename or remove it."
            )
        if len(self._files) == MAX_FILES:
            raise DataError(
                f"{self.url} has more than {MAX_FILES:,} objects; give a prefix that has fewer, or "
                "store the images in Parquet or tar files."
            )
        self._files[file.name] = file
        for end in range(len(parts) - 1, -1, -1):
            folder = "/".join(parts[:end])
            known = folder in self._folders
            self._folders.setdefault(folder, set()).add(parts[end])
            if known:
                break


def changed(file: str) -> ChangedDataError:
    """Return the error of a file that is no longer the one that was listed."""
    return ChangedDataError(f"{file} changed while it was read; run again when it is complete.")
