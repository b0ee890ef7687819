"""Read the members of an untrusted tar file, plain or gzip, as a stream; nothing is unpacked."""

import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple, cast

from sightline.data.readers import content
from sightline.errors import DataError
from sightline.storage.text import quoted

_HEADER_BYTES = 16 << 10  # All headers of one member, with its long name
_MAX_NAME = 120


class Member(NamedTuple):
    """A regular file in a tar file; it can be read until the next member is drawn."""

    place: str  # The tar file and the member, for errors
    name: str
    size: int  # In bytes
    stream: "Stream"

    def read(self, size: int) -> bytes:
        """Read up to so many bytes of the content, from where the last call ended."""
        return self.stream.take(min(size, self.stream.end - self.stream.tell()))


def read_members(path: Path) -> Iterator[Member]:
    """Yield the regular files of a tar file in order.

    Folders are passed over. Raises DataError if the file is damaged, truncated or no tar file, or a
    member is a link, a device or a sparse file.
    """
    with closing(Stream(path)) as stream:
        for info in _infos(path, stream):
            place = f"{path}, {quoted(info.name, _MAX_NAME)}"
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                raise DataError(
                    f"{place} is a link, a device or a sparse file; write the files themselves "
                    "(tar --dereference --hard-dereference)."
                )
            stream.end = stream.tell() + info.size
            yield Member(place, info.name, info.size, stream)
        stream.check_end()


def _infos(path: Path, stream: "Stream") -> Iterator[tarfile.TarInfo]:
    stream.allowed = _HEADER_BYTES
    number = 0
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
            while info := archive.next():
                yield info
                number += 1
                # It would keep all members and all headers
                archive.members, archive.pax_headers = [], {}  # type: ignore[attr-defined]
                stream.allowed = _HEADER_BYTES
    except (tarfile.TarError, ValueError, OverflowError, UnicodeError) as error:
        raise DataError(
            f"{path} cannot be read as tar after {number:,} members ({quoted(error)}); get a fresh "
            "copy."
        ) from None


class Stream:
    """A file that `tarfile` reads from its beginning to its end, without seeking back."""

    def __init__(self, path: Path) -> None:
        """Open the file; raise DataError if it is empty or an HTML page."""
        self._path = path
        self._bytes = content.ByteStream(path)
        self.allowed = 0  # Bytes that `read` may still read, for headers
        self.end = 0  # Where the content of the current member ends
        self._last = b""  # What `read` returned last

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes of headers; raise DataError if they are too long."""
        self.allowed -= size
        if self.allowed < 0:
            raise DataError(
                f"{self._path} has a member whose header is larger than {_HEADER_BYTES:,} bytes; "
                "expected a file name, get a fresh copy."
            )
        self._last = self._bytes.read(size)
        return self._last

    def take(self, size: int) -> bytes:
        """Read exactly `size` bytes of a member; raise DataError if the file ends before."""
        found = self._bytes.read(size)
        if len(found) < size:
            raise DataError(f"{self._path} is truncated within a member; get a fresh copy.")
        return found

    def seek(self, position: int) -> None:
        """Skip to a later position; at the end of the file, stay there."""
        if position < self.tell():
            raise tarfile.ReadError("a size is negative")
        self._bytes.skip(position - self.tell())

    def tell(self) -> int:
        """Return the position."""
        return self._bytes.tell()

    def check_end(self) -> None:
        """Raise DataError unless the header read last is the end mark, and only zeros follow."""
        if len(self._last) < tarfile.BLOCKSIZE or self._last.strip(b"\0"):
            raise DataError(
                f"{self._path} is damaged or truncated at byte {self.tell():,}; expected the "
                "header of a member or the end mark of the tar file, get a fresh copy."
            )
        while rest := self._bytes.read(content.CHUNK_BYTES):
            if rest.strip(b"\0"):
                raise DataError(
                    f"{self._path} continues after its end; expected a single tar file: unpack "
                    "both and write them again."
                )

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
