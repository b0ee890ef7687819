"""What a raw file holds: its bytes, plain or gzip, always read to the very end."""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sightline.errors import DataError

CHUNK_BYTES = 1 << 20
"""How much is read or decompressed at once, in bytes."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's window bits for one gzip member with its checksum
_HEAD_BYTES = 512
_HTML_MARKS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")


def is_html(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of an HTML page."""
    start = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(b"<") and any(mark in start for mark in _HTML_MARKS)


def check_head(path: Path) -> None:
    """Refuse a file that is empty or that only stands in for the real one.

    Args:
        path: Any file.

    Raises:
        DataError: It cannot be read, is empty, an HTML page or a Git LFS pointer.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise DataError(f"{path} is empty; get a fresh copy of it.")
    if is_html(head):
        raise DataError(
            f"{path} looks like an HTML page, perhaps a login or error page that was saved "
            "under this name; download the file itself."
        )
    if head.startswith(b"version https://git-lfs"):
        raise DataError(f"{path} is only a Git LFS pointer; run `git lfs pull` where it came from.")


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file's content, decompressed where it starts like a gzip file.

    Args:
        path: A plain file or one with a single gzip member, whatever its name.

    Yields:
        Bytes, about `CHUNK_BYTES` at a time.

    Raises:
        DataError: The file is empty, an HTML page, truncated, fails its checksum or goes on
            after the end of its gzip member.
    """
    check_head(path)
    with path.open("rb") as file:
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if packed:
            yield from _inflate(file, path)
            return
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def digest(path: Path, limit: int | None = None) -> tuple[str, int]:
    """Digest a file's decompressed content.

    Args:
        path: A plain or gzip file.
        limit: Stop after more than this many bytes; None reads to the end.

    Returns:
        SHA-256 as 64 hexadecimal digits, and the number of bytes read.
    """
    found = hashlib.sha256()
    size = 0
    for chunk in chunks(path):
        found.update(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            break
    return found.hexdigest(), size


def _inflate(file: BinaryIO, path: Path) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP_FORMAT)
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(CHUNK_BYTES)
        try:
            chunk = stream.decompress(packed, CHUNK_BYTES)
        except zlib.error as error:
            raise DataError(f"{path} is damaged ({error}); get a fresh copy of it.") from None
        if chunk:
            yield chunk
        elif not packed:
            raise DataError(f"{path} is truncated: its gzip data end early; get a fresh copy.")
    if stream.unused_data or file.read(1):
        raise DataError(
            f"{path} goes on after the end of its gzip data; expected a single gzip member, "
            "get a fresh copy."
        )
