import numpy as np
import pytest

from sightline.errors import StageError
from sightline.storage import digests, npy


def test_blocks_come_back_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.setattr(npy, "BLOCK_BYTES", 100)
    expected = np.arange(7 * 5 * 3, dtype=np.float32).reshape(7, 5, 3)
    path = tmp_path / "array.npy"
    with npy.ArrayWriter(path, expected.shape, "float32") as writer:
        writer.append(expected[:4])
        writer.append(expected[4:])
    blocks = list(npy.read_blocks(path))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), expected)
    np.testing.assert_array_equal(npy.open_mapped(path), expected)
    assert writer.sha256 == digests.sha256(path)


def test_missing_rows_are_noticed(tmp_path):
    with (
        pytest.raises(StageError, match=r"array\.npy.* 3 .* 2"),
        npy.ArrayWriter(tmp_path / "array.npy", (3, 2), "uint8") as writer,
    ):
        writer.append(np.zeros((2, 2), dtype=np.uint8))


@pytest.mark.parametrize(
    "block", [np.zeros((1, 2), dtype=np.float64), np.zeros((1, 3), dtype=np.uint8)]
)
def test_block_of_another_kind_is_refused(tmp_path, block):
    with (
        npy.ArrayWriter(tmp_path / "array.npy", (0, 2), "uint8") as writer,
        pytest.raises(StageError, match=r"expected rows of uint8\(2,\)"),
    ):
        writer.append(block)


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StageError, match=r"array\.npy"):
        next(npy.read_blocks(path))
    with pytest.raises(ValueError, match="Python objects"):
        npy.open_mapped(path)


def test_rows_are_read_in_any_order(tmp_path):
    values = np.arange(60, dtype=np.uint8).reshape(20, 3, 1)
    np.save(tmp_path / "a.npy", values)
    rows = np.array([19, 0, 7, 7])
    np.testing.assert_array_equal(npy.read_rows(tmp_path / "a.npy", rows), values[rows])
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(StageError, match=r"a\.npy.*19"):
        npy.read_rows(tmp_path / "a.npy", rows)
