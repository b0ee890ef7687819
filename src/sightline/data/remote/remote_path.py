"""A path of a remote file, which readers use like that of a local one."""

import io
import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PosixPath
from typing import IO, Any, ClassVar

from sightline.data.decoding.parallel import ordered_map
from sightline.data.remote.listing import Listing, RemoteFile
from sightline.data.remote.reader import Reader
from sightline.pipeline.provenance import digest_of

HEADER = 64 << 10  # Bytes that hold the header of nearly every image
WHOLE = 4 << 20  # Larger images are read in ranges
_READS = 16  # At once
_AHEAD = 32
_BUFFER = 64 << 10


class RemotePath(PosixPath):
    """A file or folder of a listing; `path_in` makes them.

    All that readers call is here; what would reach the local disk is not.
    """

    listing: ClassVar[Listing]
    _head = b""  # The first bytes, if they were read ahead

    @property
    def file(self) -> RemoteFile:
        """What the listing states; raises FileNotFoundError if this is no file."""
        found = self.listing.file(self.key)
        if found is None:
            raise FileNotFoundError(2, "no such object", str(self))
        return found

    @property
    def version(self) -> bytes:
        """SHA-256 of the name in the listing, the size and the version of the file."""
        return bytes.fromhex(digest_of(*map(str, self.file)))

    @property
    def path(self) -> str:
        """The URL, as `os.DirEntry` has a path."""
        return str(self)

    @property
    def key(self) -> str:
        """The name in the listing."""
        return "/".join(self.parts[len(self._start) :])

    @property
    def _start(self) -> tuple[str, ...]:
        scheme, _, rest = self.listing.url.partition("//")
        return (scheme, *rest.split("/"))

    def __str__(self) -> str:
        """Return the URL; of a relative path, the path."""
        root = self._start
        if self.parts[: len(root)] != root:
            return super().__str__()
        return "/".join((self.listing.url, *self.parts[len(root) :]))

    def __fspath__(self) -> str:
        """Return the URL, which no local file has."""
        return str(self)

    def as_posix(self) -> str:
        """Return the URL."""
        return str(self)

    def is_file(self, **_: bool) -> bool:
        """Return whether this is a file."""
        return self.listing.file(self.key) is not None

    def is_dir(self, **_: bool) -> bool:
        """Return whether files lie below."""
        return self.listing.folder(self.key) is not None

    def is_symlink(self) -> bool:
        """Return False."""
        return False

    def exists(self, **_: bool) -> bool:
        """Return whether this is a file or a folder."""
        return self.is_file() or self.is_dir()

    def stat(self, **_: bool) -> os.stat_result:
        """Return the size in `st_size`."""
        return os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, self.file.bytes, 0, 0, 0))

    def iterdir(self) -> Iterator["RemotePath"]:  # type: ignore[override]
        """Yield what a folder holds, in any order."""
        return (self / name for name in self.listing.folder(self.key) or ())

    def files_below(self) -> Iterator[str]:
        """Yield the names of all files below, without their folders."""
        return (name.rpartition("/")[2] for name in self.listing.below(self.key))

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the file for reading."""
        if mode not in {"r", "rb"}:
            raise io.UnsupportedOperation("a remote file is only read")
        file = self.file
        raw = Reader(partial(self.listing.read, file), file.bytes, self._head)
        if buffering == 0:
            return raw  # type: ignore[return-value]
        buffered = io.BufferedReader(raw, _BUFFER)
        return buffered if mode == "rb" else io.TextIOWrapper(buffered, encoding, errors, newline)

    def preloaded(self, size: int) -> "RemotePath":
        """Return the same path with the first bytes of its file, up to `size`."""
        size = min(size, self.file.bytes)
        if len(self._head) >= size:
            return self
        loaded = type(self)(self)
        if size:
            loaded._head = self.listing.read(self.file, 0, size)
        return loaded


def path_in(listing: Listing, name: str = "") -> RemotePath:
    """Return the path of a file or folder of a listing, or of the listing itself."""
    # A class of its own for each listing, since paths make paths of their class
    kind = type("RemotePath", (RemotePath,), {"listing": listing})
    path: RemotePath = kind(listing.url, *filter(None, [name]))
    return path


def read_ahead(paths: Iterable[Path], size: int) -> Iterator[Path]:
    """Pass paths on; the first bytes of remote ones, up to `size`, are read 32 paths ahead."""

    def preload(path: Path) -> Path:
        return path.preloaded(size) if isinstance(path, RemotePath) else path

    paths = iter(paths)
    for first in paths:
        if isinstance(first, RemotePath):
            yield preload(first)
            yield from ordered_map(preload, paths, 1, _AHEAD, _READS)
        else:
            yield first
            yield from paths


def as_input(path: Path) -> Path | IO[bytes]:
    """Return what libraries read that open local paths themselves."""
    return path.open("rb") if isinstance(path, RemotePath) else path
