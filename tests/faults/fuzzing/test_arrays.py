"""Fuzz IDX and NPZ files."""

import gzip
import io
import math
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damaging import EXTREMES, damaged, maybe
from fuzzing import fuzz, read_or_refuse

pytestmark = pytest.mark.filterwarnings("ignore")  # users do not turn warnings into errors

BYTES = bytes(range(256)) * 4
COUNT, SIDE = 4, 8
SIZES = st.one_of(st.integers(0, 9), st.sampled_from(EXTREMES))
DTYPES = st.one_of(
    st.sampled_from(["|u1", "<i8", ">i4", "<f4", ">f8", "<f2", "<f16", "<c8", "|b1", "<U3", ">U1"]),
    st.sampled_from(["<U0", "|S4", "|V0", "|O", "<M8[s]", "u1,O", "3u1", 7, None]),
    st.sampled_from([[("a", "|u1")], [("a", "|O")]]),
)


def shapes(truth):
    """Draw the correct shape, one with wrong sizes, or one with other dimensions."""
    near = st.tuples(*(maybe(size, SIZES) for size in truth))
    return maybe(truth, near, st.lists(SIZES, max_size=5).map(tuple))


@st.composite
def idx_file(draw, truth):
    """Draw a file with a correct or arbitrary header, plain or compressed."""
    sizes = draw(shapes(truth))
    kind = draw(maybe(len(truth), st.integers(0, 255)))
    body = BYTES[: draw(maybe(math.prod(truth), st.integers(0, len(BYTES))))]
    header = struct.pack(f">4B{len(sizes)}I", 0, 0, 8, kind, *(size % 2**32 for size in sizes))
    content = draw(maybe(header + body, damaged(header + body)))
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
        return draw(maybe(content, damaged(content)))
    return content


@st.composite
def npy_member(draw, truth):
    """Draw an array with a valid, unusual or damaged header."""
    shape = draw(shapes(truth))
    order = draw(maybe(False, st.sampled_from([True, 1, None])))
    fields = {"descr": draw(maybe("|u1", DTYPES)), "fortran_order": order, "shape": shape}
    text = f"{fields!r}\n".encode()
    text = draw(maybe(text, damaged(text), st.text(max_size=40).map(str.encode)))
    version = draw(st.sampled_from([(1, 0), (1, 0), (2, 0), (3, 0), (9, 9)]))
    stated = draw(maybe(len(text), st.sampled_from(EXTREMES)))
    size = 2 if version == (1, 0) else 4
    length = (stated % 256**size).to_bytes(size, "little")
    body = BYTES[: draw(maybe(math.prod(truth), st.integers(0, len(BYTES))))]
    return b"\x93NUMPY" + bytes(version) + length + text + body


@st.composite
def npz_file(draw):
    """Draw an archive of two arrays, under the expected or other names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", draw(st.sampled_from([zipfile.ZIP_STORED, 8]))) as archive:
        for name, truth in (("x_train", (COUNT, SIDE, SIDE)), ("y_train", (COUNT,))):
            found = draw(maybe(f"{name}.npy", st.sampled_from([name, f"../{name}.npy", ".npy"])))
            archive.writestr(found, draw(npy_member(truth)))
    content = file.getvalue()
    return draw(maybe(content, damaged(content)))


@fuzz
@given(images=idx_file((COUNT, SIDE, SIDE)), labels=idx_file((COUNT,)))
def test_idx_files_are_refused_or_consistent(folder, images, labels):
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    read_or_refuse(folder)


@fuzz
@given(content=npz_file())
def test_npz_archive_is_refused_or_consistent(folder, content):
    (folder / "data.npz").write_bytes(content)
    read_or_refuse(folder / "data.npz")
