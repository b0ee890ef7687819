"""Fuzz files of records: an image and its label side by side."""

import gzip
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damaging import damaged, maybe
from fuzzing import fuzz, read_or_refuse
from tar_files import grey, tar_bytes
from tfrecord_files import example, frame

pytestmark = pytest.mark.filterwarnings("ignore")  # users do not turn warnings into errors

KINDS = ["png", "cls", "json", "txt", "seg.png", "", ".", "jpg", "mp4"]
TYPES = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, b"S", b"g", b"x", b"L"]
NAMES = st.one_of(
    st.sampled_from(["0", "../0", "/etc/0", "", "a/.0", "n" * 300]), st.text(max_size=4)
)
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
JSON = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))


@st.composite
def tar_file(draw):
    """Draw samples with some unusual members, sometimes damaged, plain or compressed."""
    members = []
    for number in range(6):
        kind = draw(maybe("cls", st.sampled_from(["json", "txt"])))
        label = str(number % 2)
        if kind == "json":
            label = json.dumps(draw(maybe({"label": label}, st.builds(dict, label=JSON), JSON)))
        text = draw(maybe(label.encode(), st.binary(max_size=6)))
        members += [(f"{number}.png", grey(number)), (f"{number}.{kind}", text)]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(members) - 1))
        stem, kind = draw(maybe(str(place // 2), NAMES)), draw(st.sampled_from(KINDS))
        info = tarfile.TarInfo(f"{stem}.{kind}".encode(errors="replace").decode())
        info.type = draw(maybe(tarfile.REGTYPE, st.sampled_from(TYPES)))
        members.insert(place, (info, draw(st.binary(max_size=40))))
    try:
        content = tar_bytes(members, draw(st.sampled_from(FORMATS)))
    except (ValueError, tarfile.TarError):  # a name that this format cannot hold
        content = tar_bytes([("0.png", grey(0))])
    content = draw(maybe(content, damaged(content)))
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
        return draw(maybe(content, damaged(content)))
    return content


VALUES = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    st.lists(st.floats(width=32), max_size=3),
    st.lists(st.binary(max_size=9), max_size=3),
)
FEATURES = st.sampled_from(["image", "label", "image/class/text", "height", "width", "depth", "é"])


@st.composite
def tfrecord_file(draw):
    """Draw examples with some unusual features, damaged before or after their checksums."""
    is_raw = draw(st.booleans())
    frames = []
    for number in range(6):
        row = {"image": grey(number), "label": number % 2, "image/class/text": "ab"[number % 2]}
        if is_raw:
            row |= {"image": bytes([number] * 64), "height": 8, "width": 8, "depth": 1}
        for _ in range(draw(maybe(0, st.integers(1, 2)))):
            row[draw(FEATURES)] = draw(VALUES)
        record = example(row)
        frames.append(frame(draw(maybe(record, damaged(record)))))
    content = b"".join(frames)
    content = draw(maybe(content, damaged(content)))
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
        return draw(maybe(content, damaged(content)))
    return content


@fuzz
@given(content=tar_file())
def test_tar_file_is_refused_or_consistent(folder, content):
    (folder / "data.tar").write_bytes(content)
    read_or_refuse(folder / "data.tar")


@fuzz
@given(content=tfrecord_file())
def test_tfrecord_file_is_refused_or_consistent(folder, content):
    (folder / "data.tfrecord").write_bytes(content)
    read_or_refuse(folder / "data.tfrecord")
