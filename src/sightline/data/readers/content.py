"""Read raw files, plain or gzip, always to the end so that checksums are verified."""

import hashlib
import zlib
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from sightline.errors import DataError

CHUNK_BYTES = 1 << 20  # Bytes read or decompressed at once
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's window bits for one gzip member with its checksum
_HEAD_BYTES = 512
_HTML_MARKS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")


def is_html(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of an HTML page."""
    start = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(b"<") and any(mark in start for mark in _HTML_MARKS)


def check_head(path: Path) -> None:
    """Raise DataError for a file that is unreadable, empty, an HTML page or a Git LFS pointer."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise DataError(f"{path} is empty; get a fresh copy.")
    if is_html(head):
        raise DataError(
            f"{path} looks like an HTML page, perhaps a login or error page; download the file "
            "itself."
        )
    if head.startswith(b"version https://git-lfs"):
        raise DataError(f"{path} is a Git LFS pointer; run `git lfs pull` in its repository.")


def read_chunks(path: Path) -> Generator[bytes]:
    """Read a file in chunks of about `CHUNK_BYTES`, decompressed if it is gzip by its content.

    Raises DataError if the file is empty, an HTML page, truncated, fails its checksum or continues
    after the end of its gzip member.
    """
    check_head(path)
    with path.open("rb") as file:
        if file.peek(2).startswith(_GZIP_MAGIC):
            yield from _inflate(file, path)
        else:
            yield from iter(partial(file.read, CHUNK_BYTES), b"")


def digest(path: Path, limit: int) -> tuple[str, int]:
    """Return the SHA-256 of a file's decompressed content, in hexadecimal, and its size in bytes.

    Reading stops after more than `limit` bytes.
    """
    found = hashlib.sha256()
    size = 0
    for chunk in read_chunks(path):
        found.update(chunk)
        size += len(chunk)
        if size > limit:
            break
    return found.hexdigest(), size


def _inflate(file: BinaryIO, path: Path) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP_FORMAT)
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(CHUNK_BYTES)
        try:
            chunk = stream.decompress(packed, CHUNK_BYTES)
        except zlib.error as error:
            raise DataError(f"{path} is damaged ({error}); get a fresh copy.") from None
        if chunk:
            yield chunk
        elif not packed:
            raise DataError(f"{path} is truncated within its gzip data; get a fresh copy.")
    if stream.unused_data or file.read(1):
        raise DataError(
            f"{path} continues after the end of its gzip data; expected a single gzip member, get "
            "a fresh copy."
        )


class ByteStream:
    """The bytes of a file, decompressed if it is gzip, read from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        """Open the file; `read` raises the errors of `read_chunks`."""
        self._chunks = read_chunks(path)
        self._buffer = b""
        self._start = 0  # Position of the buffer in the file
        self._offset = 0  # Position in the buffer

    def tell(self) -> int:
        """Return the position."""
        return self._start + self._offset

    def read(self, size: int) -> bytes:
        """Read `size` bytes; less only at the end of the file."""
        parts = []
        while size > 0:
            part = self._buffer[self._offset : self._offset + size]
            if not part and not self._next():
                break
            parts.append(part)
            self._offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Skip `size` bytes; at the end of the file, stay there."""
        while size > (rest := len(self._buffer) - self._offset):
            size -= rest
            if not self._next():
                return
        self._offset += size

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()

    def _next(self) -> bool:
        self._start += len(self._buffer)
        self._offset = 0
        self._buffer = next(self._chunks, b"")
        return bool(self._buffer)
