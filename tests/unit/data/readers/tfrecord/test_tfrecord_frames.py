import gzip
import subprocess
import sys

import pytest

from reading import check_unreadable
from sightline.data.readers.tfrecord.tfrecord_example import parse
from sightline.data.readers.tfrecord.tfrecord_frames import read_records
from tfrecord_files import checksum, example, examples, frame, message, varint

ROWS = examples([0, 1, 0, 1])
FRAMES = [frame(example(row)) for row in ROWS]
CONTENT = b"".join(FRAMES)
LAST = len(CONTENT) - len(FRAMES[3])  # Where the last record starts

WRITE = """
import sys
import tensorflow as tf
def feature(values):
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
named = {"image": [b"x" * 300, b"y"], "label": [-1, 2**63 - 1, 0], "score": [0.5, -2.0]}
example = tf.train.Example(features=tf.train.Features(
    feature={name: feature(values) for name, values in named.items()}))
for kind in ("", "GZIP"):
    with tf.io.TFRecordWriter(f"{sys.argv[1]}/x{kind}", tf.io.TFRecordOptions(kind)) as file:
        for _ in range(3):
            file.write(example.SerializeToString())
"""


@pytest.mark.slow
def test_what_tensorflow_writes_is_read_exactly(tmp_path):
    subprocess.run([sys.executable, "-c", WRITE, tmp_path], check=True, capture_output=True)
    for name in ("x", "xGZIP"):
        records = list(read_records(tmp_path / name))
        assert len(records) == 3
        found = {key: feature.first(9) for key, feature in parse(records[2]).items()}
        assert found == {
            "image": [b"x" * 300, b"y"],
            "label": [-1, 2**63 - 1, 0],
            "score": [0.5, -2.0],
        }


def test_unpacked_numbers_are_read(tmp_path):
    numbers = message(3, varint(1 << 3) + varint(7) + varint(1 << 3) + varint(-7))
    entry = message(1, message(1, message(1, b"label") + message(2, numbers)))
    assert parse(entry)["label"].first(9) == [7, -7]
    assert parse(entry)["label"].first(1) == [7]


def flipped(position):
    content = bytearray(CONTENT)
    content[position] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (flipped(0), ("record 0", "not one of a TFRecord file")),
        (flipped(LAST + 2), ("record 3", "checksum of its length")),
        (flipped(LAST + 9), ("record 3", "checksum of its length")),
        (flipped(LAST + 40), ("record 3", "its checksum is wrong")),
        (flipped(LAST - 1), ("record 2", "its checksum is wrong")),
        (CONTENT[:-1], ("record 3", "truncated")),
        (CONTENT[: LAST + 20], ("record 3", "truncated")),
        (CONTENT[: LAST + 5], ("record 3", "truncated")),
        (b"", ("empty",)),
        (b"<!DOCTYPE html>", ("HTML",)),
        (gzip.compress(CONTENT)[:-9], ("truncated",)),
    ],
)
def test_damaged_file_is_refused_with_its_record(tmp_path, content, facts):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(content)
    check_unreadable(path, "x.tfrecord", *facts)


def test_giant_record_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x.tfrecord"
    length = (1 << 62).to_bytes(8, "little")
    path.write_bytes(CONTENT + length + checksum(length))
    check_unreadable(path, "record 4", "67,108,864")


@pytest.mark.parametrize(
    "record",
    [
        b"no example",
        b"\x0a\xff",
        message(1, b"\x0a\x05abc"),
        b"\x08\x01",
        varint(1 << 3 | 3),
        b"\x80" * 11,
        message(1, message(1, message(1, b"\xff"))),
        message(1, b"".join(message(1, message(1, b"%d" % n)) for n in range(2000))),
        example({"image": b"", "label": 0}).replace(b"label", b"lab\xffl"),
    ],
)
def test_record_that_is_no_example_is_refused(tmp_path, record):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(frame(record))
    check_unreadable(path, "x.tfrecord, record 0", "tf.train.Example")


@pytest.mark.parametrize(
    "values",
    [message(3, message(1, b"\x80")), message(1, b"\x08\x01"), message(2, message(1, b"x"))],
)
def test_damaged_value_is_refused_with_its_record(tmp_path, values):
    entries = [message(1, b"image") + message(2, message(1, message(1, b"x")))]
    entries.append(message(1, b"label") + message(2, values))
    path = tmp_path / "x.tfrecord"
    path.write_bytes(frame(message(1, b"".join(message(1, entry) for entry in entries))))
    check_unreadable(path, "x.tfrecord, record 0", "tf.train.Example")
