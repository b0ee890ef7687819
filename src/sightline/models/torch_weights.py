"""Read the weights of a PyTorch file in its first format (before 1.6) without PyTorch.

The file is a sequence of pickles: a magic number, the protocol version, sizes of the machine's
types, the weights by name, and the keys of their storages. After them comes each storage: a 64-bit
count and the raw little-endian values. A pickle may call any function, so the unpickler here knows
four names and refuses every other one.
"""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.models.file_checks import read_file
from sightline.models.refusals import Refusal, refusals

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LARGEST_FILE = 2 << 30
_FLOATS, _INTEGERS = np.dtype("<f4"), np.dtype("<i8")


def read(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Read the weights of a file with this digest: float32 or int64 arrays by name.

    Raises ModelFileError if the file differs from the digest, is damaged, or contains anything
    but weights.
    """
    with refusals(path):
        file = io.BytesIO(read_file(path, _LARGEST_FILE, sha256))
        if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _PROTOCOL:
            raise Refusal("it does not have PyTorch's first format")
        _Unpickler(file).load()  # sizes of the machine's types
        tensors, keys = _Unpickler(file).load(), _Unpickler(file).load()
        dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
        values = {key: _values(file, dtypes[key]) for key in keys}
        return {name: tensor.array(values[tensor.storage.key]) for name, tensor in tensors.items()}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    """A view of a storage; offset and strides count values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        """Copy the values of the view."""
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides), default=0) < 0 or last >= len(values):
            raise Refusal("a weight reaches beyond its values")
        steps = [stride * values.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps)
        return view.copy()


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): _FLOATS,
    ("torch", "LongStorage"): _INTEGERS,
}


class _Unpickler(pickle.Unpickler):
    """Builds numbers, texts, containers and tensors; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for here."""
        if (module, name) not in _KNOWN:
            raise Refusal(f"it contains {f'{module}.{name}'[:80]!r}, which weights do not need")
        return _KNOWN[module, name]

    def persistent_load(self, pid: tuple[Any, ...]) -> _Storage:
        """Return a storage from its description: ("storage", type, key, device, count, view)."""
        _, dtype, key, *_ = pid
        return _Storage(key, dtype)


def _values(file: io.BytesIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    (count,) = np.frombuffer(file.read(8), "<i8")
    content = file.read(int(count) * dtype.itemsize)
    if count < 0 or len(content) != count * dtype.itemsize:
        raise Refusal("it ends before its last value")
    return np.frombuffer(content, dtype)
