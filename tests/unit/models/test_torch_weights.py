import io
import os
import pickle
import sys
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

from sightline.errors import ModelFileError
from sightline.models import torch_weights
from sightline.storage import digests

MAGIC = torch_weights._MAGIC
VALUES = np.arange(12, dtype="<f4")


class Storage(tuple):
    """Stands for a storage of PyTorch: type, key and count."""


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", obj[0], obj[1], "cpu", obj[2], None) if type(obj) is Storage else None


class Tensor:
    """Pickled like a tensor of PyTorch."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (*self.arguments, False, OrderedDict())


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """A module with the names that PyTorch's files contain."""
    package, utils = ModuleType("torch"), ModuleType("torch._utils")
    for module, name in (
        (package, "FloatStorage"),
        (package, "LongStorage"),
        (package, "HalfStorage"),
        (utils, "_rebuild_tensor_v2"),
    ):
        named = type(name, (), {"__module__": module.__name__, "__qualname__": name})
        setattr(module, name, named)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return package


def write(path, weights, *storages, magic=MAGIC):
    file = io.BytesIO()
    keys = [str(number) for number in range(len(storages))]
    for part in (magic, 1001, {"little_endian": True}, weights, keys):
        Pickler(file, 2).dump(part)
    for storage in storages:
        file.write(np.int64(len(storage)).tobytes() + storage.tobytes())
    path.write_bytes(file.getvalue())
    return path


def read(path):
    return torch_weights.read(path, digests.sha256(path))


def test_weights_are_views_of_their_storages(tmp_path, torch):
    floats = Storage((torch.FloatStorage, "0", 12))
    weights = OrderedDict(
        kernel=Tensor(floats, 0, (3, 2), (2, 1)),
        transposed=Tensor(floats, 6, (2, 3), (1, 2)),
        steps=Tensor(Storage((torch.LongStorage, "1", 1)), 0, (), ()),
    )
    found = read(write(tmp_path / "x.pth", weights, VALUES, np.array([7], "<i8")))
    np.testing.assert_array_equal(found["kernel"], VALUES[:6].reshape(3, 2))
    np.testing.assert_array_equal(found["transposed"], VALUES[6:].reshape(3, 2).T)
    assert found["steps"] == 7
    assert found["kernel"].dtype == np.float32


def test_file_that_calls_a_function_is_refused_before_the_call(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    for weights in ({"a": Attack()}, Attack()):
        with pytest.raises(ModelFileError, match="mkdir"):
            read(write(tmp_path / "x.pth", weights))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(7, (6,), (1,)), (0, (3, 2), (8, 1)), (11, (2,), (-1,)), (-1, (2,), (1,))],
)
def test_weight_beyond_its_storage_is_refused(tmp_path, torch, offset, shape, strides):
    storage = Storage((torch.FloatStorage, "0", 12))
    path = write(tmp_path / "x.pth", {"a": Tensor(storage, offset, shape, strides)}, VALUES)
    with pytest.raises(ModelFileError, match="beyond its values"):
        read(path)


def test_damaged_or_other_file_is_refused_with_its_name(tmp_path, torch):
    storage = Storage((torch.FloatStorage, "0", 12))
    path = write(tmp_path / "x.pth", {"a": Tensor(storage, 0, (12,), (1,))}, VALUES)
    with pytest.raises(ModelFileError, match=rf"x\.pth.*SHA-256.*expected {'0' * 64}"):
        torch_weights.read(path, "0" * 64)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="last value"):
        read(path)
    with pytest.raises(ModelFileError, match="first format"):
        read(write(path, {}, magic=3))
    half = Storage((torch.HalfStorage, "0", 12))
    with pytest.raises(ModelFileError, match=r"torch\.HalfStorage"):
        read(write(path, {"a": Tensor(half, 0, (12,), (1,))}, VALUES))
