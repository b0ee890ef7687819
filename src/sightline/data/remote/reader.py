"""Read a remote file as a stream: in ranges, the next one on its way while one is used."""

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FIRST, _MOST = 64 << 10, 4 << 20  # Bytes of a range: a header takes few, a stream many
_THREADS = 8


class Reader(io.RawIOBase):
    """A file that is read in ranges of 64 KiB to 4 MiB, which grow while it is read in order.

    It holds at most two ranges, and what `head` gave it.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, head: bytes = b"") -> None:
        """Take a function that reads from one position to another, and the first bytes if known."""
        self._read_range, self._size = read, size
        self._position = 0
        self._start, self._block = 0, head
        self._length = max(_FIRST // 2, min(len(head), _MOST))  # Doubled before the next range
        self._next: Future[bytes] | None = None  # The range behind the block

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read up to as many bytes as fit, at most to the end of a range."""
        target = memoryview(buffer).cast("B")
        if self._position >= self._size or not target:
            return 0
        if not self._start <= self._position < self._start + len(self._block):
            self._load()
        first = self._position - self._start
        found = memoryview(self._block)[first : first + len(target)]
        target[: len(found)] = found
        self._position += len(found)
        return len(found)

    def readall(self) -> bytes:
        """Read the rest, in one range behind what is known."""
        first = max(0, self._position - self._start)
        known = self._block[first:] if self._position >= self._start else b""
        start = self._position + len(known)
        self._position = max(self._position, self._size)
        return known + self._read_range(start, self._size) if start < self._size else known

    def close(self) -> None:
        """Drop what is on its way."""
        if self._next:
            self._next.cancel()
        self._block, self._next = b"", None
        super().close()

    def _load(self) -> None:
        """Fetch the range at the position, and start to fetch the one behind it."""
        in_order = self._position == self._start + len(self._block)
        self._length = min(2 * self._length, _MOST) if in_order else _FIRST
        waiting, self._next = self._next, None
        self._start = self._position
        if waiting and in_order:
            self._block = waiting.result()
        else:
            self._block = self._read_range(*self._range(self._position))
        start, end = self._range(self._start + len(self._block))
        if in_order and start < end:
            self._next = _pool().submit(self._read_range, start, end)

    def _range(self, start: int) -> tuple[int, int]:
        return start, min(start + self._length, self._size)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="remote")
