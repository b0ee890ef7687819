"""Writes and reads NPY files in blocks, so that memory use does not depend on their length."""

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from sightline.errors import StageError

BLOCK_BYTES = 8 << 20  # Size of a block, in bytes


class ArrayWriter:
    """Writes an NPY file block by block and computes its SHA-256 in another thread.

    Unlike a writable memory map, it leaves no dirty pages in the process's resident set. The
    digest is that of the data in memory, so it also reveals a disk that stored something else.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        """Open the file and write its header; the blocks must add up to `shape[0]` rows."""
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.path = path
        self._rows = 0
        self._digest = hashlib.sha256()
        self._digester = ThreadPoolExecutor(1)
        self._digested: Future[None] = self._digester.submit(self._digest.update, b"")
        self._file = path.open("wb")
        self._write(_header(shape, self.dtype))

    @property
    def sha256(self) -> str:
        """SHA-256 of the finished file, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def append(self, block: NDArray[Any]) -> None:
        """Write the next rows, an array of shape (m, *shape[1:]) and the dtype of the file.

        Do not change it afterwards: its digest is computed in the background.
        """
        if block.shape[1:] != self.shape[1:] or block.dtype != self.dtype:
            raise StageError(
                f"{self.path.name}: expected rows of {self.dtype}{self.shape[1:]}, "
                f"got {block.dtype}{block.shape[1:]}."
            )
        self._write(np.ascontiguousarray(block).data)
        self._rows += len(block)

    def _write(self, content: memoryview | bytes) -> None:
        """Write while another thread computes the digest; holds at most two blocks."""
        self._digested.result()
        self._digested = self._digester.submit(self._digest.update, content)
        self._file.write(content)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the file; raise a StageError if rows are missing."""
        self._digester.shutdown()
        self._file.close()
        if kind is not None:
            return
        self._digested.result()
        if self._rows != self.shape[0]:
            raise StageError(f"{self.path.name}: expected {self.shape[0]} rows, got {self._rows}.")


def read_blocks(path: Path) -> Iterator[NDArray[Any]]:
    """Read an NPY file in blocks of about `BLOCK_BYTES`, arrays of shape (m, *shape[1:]).

    The file must be in C order and have a numeric dtype and at least one dimension.
    """
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        row_bytes = int(np.prod(shape[1:])) * dtype.itemsize
        rows = max(1, BLOCK_BYTES // row_bytes)
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start)
            block = np.fromfile(file, dtype, count * row_bytes // dtype.itemsize)
            yield block.reshape(count, *shape[1:])


def read_rows(path: Path, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Read m rows of a file as for `read_blocks`, in any order, as an array (m, *shape[1:]).

    Unlike with a memory map, no pages stay resident. Raises StageError if the file is truncated.
    """
    with path.open("rb", buffering=0) as file:
        shape, dtype = _read_header(file)
        start = file.tell()
        selected = np.empty((len(rows), *shape[1:]), dtype)
        for target, row in zip(selected, rows.tolist(), strict=True):
            file.seek(start + row * target.nbytes)
            if file.readinto(target.data) != target.nbytes:
                raise StageError(f"{path.name} ends before its row {row}.")
    return selected


def open_mapped(path: Path) -> NDArray[Any]:
    """Open an NPY file as a read-only memory map; pickled objects are rejected."""
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise StageError(f"{file.name}: expected NPY version (1, 0), got {version}.")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran_order or dtype.hasobject:
        raise StageError(f"{file.name}: expected numbers in C order.")
    return shape, dtype
