"""NPY files written and read in blocks, so that memory does not grow with their length."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from sightline.errors import StageError

BLOCK_BYTES = 8 << 20
"""How much of an array is held at once, in bytes."""


class ArrayWriter:
    """Writes an NPY file block by block.

    Unlike a writable memory map it leaves no dirty pages in the process's resident set.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        """Open the file and write its header.

        Args:
            path: Where to write.
            shape: Final shape; the blocks must add up to `shape[0]` rows.
            dtype: NumPy name of the element type, such as "uint8".
        """
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._rows = 0
        self._path = path
        self._file: BinaryIO = path.open("wb")
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": shape,
        }
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, block: NDArray[Any]) -> None:
        """Write the next rows.

        Args:
            block: Array of shape (m, *shape[1:]) and exactly the file's dtype.
        """
        if block.shape[1:] != self.shape[1:] or block.dtype != self.dtype:
            raise StageError(
                f"{self._path.name}: expected rows of {self.dtype}{self.shape[1:]}, "
                f"got {block.dtype}{block.shape[1:]}."
            )
        self._file.write(np.ascontiguousarray(block).data)
        self._rows += len(block)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file and check that every row was written."""
        self._file.close()
        if kind is None and self._rows != self.shape[0]:
            raise StageError(f"{self._path.name}: expected {self.shape[0]} rows, got {self._rows}.")


def read_blocks(path: Path) -> Iterator[NDArray[Any]]:
    """Read an NPY file in blocks of about `BLOCK_BYTES`.

    Args:
        path: An NPY file in C order, of a plain numeric dtype and at least one dimension.

    Yields:
        Arrays of shape (m, *shape[1:]) in order; every yielded array is independent memory.
    """
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        row_bytes = int(np.prod(shape[1:])) * dtype.itemsize
        rows = max(1, BLOCK_BYTES // row_bytes)
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start)
            block = np.fromfile(file, dtype, count * row_bytes // dtype.itemsize)
            yield block.reshape(count, *shape[1:])


def open_mapped(path: Path) -> NDArray[Any]:
    """Open an NPY file as a read-only memory map; never unpickles."""
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise StageError(f"{file.name}: expected NPY version (1, 0), got {version}.")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran_order or dtype.hasobject:
        raise StageError(f"{file.name}: expected plain numbers in C order.")
    return shape, dtype
