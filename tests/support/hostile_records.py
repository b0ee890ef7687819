"""Tar and TFRecord files that try to write outside, or to exhaust the memory."""

import struct
import tarfile
import zlib
from pathlib import Path

import bad_files as bad
from bad_files import Write
from bad_input import Case
from hostile_input import BOMB_BYTES, zeros
from tar_files import grey, samples, tar_bytes
from tfrecord_files import checksum, example, frame, message


def hostile_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Write:
    """A tar file of samples and a member of any name and type."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    content = grey(0) if kind == tarfile.REGTYPE else b""
    return bad.file("data.tar", tar_bytes([*samples("abab").items(), (info, content)]))


def bomb(name: str, kind: bytes) -> Write:
    """A compressed tar file whose first member has 3 GiB."""

    def write(folder: Path) -> Path:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, BOMB_BYTES
        packed = zeros(zlib.compressobj(9, zlib.DEFLATED, 31), info.tobuf(tarfile.GNU_FORMAT))
        return bad.file("data.tar.gz", packed)(folder)

    return write


def endless_sample(folder: Path) -> Path:
    """A tar file whose only sample has a hundred thousand members."""
    members = {f"0.{number}": b"" for number in range(100_000)}
    return bad.file("data.tar", tar_bytes(members))(folder)


def tfrecord_bomb(stated: bytes) -> Write:
    """A compressed TFRecord file that continues with 3 GiB of zeros."""

    def write(folder: Path) -> Path:
        packed = zeros(zlib.compressobj(9, zlib.DEFLATED, 31), stated)
        return bad.file("data.tfrecord.gz", packed)(folder)

    return write


def many_numbers(folder: Path) -> Path:
    """A record whose label has 64 million numbers, of a byte each."""
    label = message(3, message(1, bytes(64 << 20)))
    entry = message(1, b"label") + message(2, label)
    record = example({"image": grey(0)}) + message(1, message(1, entry))
    return bad.file("data.tfrecord", frame(record))(folder)


_GIANT = struct.pack("<Q", BOMB_BYTES)

RECORDS = (
    Case(
        "bomb-in-a-record-tfrecord",
        ("data.tfrecord.gz, record 0", "3,221,225,472"),
        tfrecord_bomb(_GIANT + checksum(_GIANT)),
    ),
    Case(
        "bomb-of-records-tfrecord",
        ("data.tfrecord.gz, record 0", "tf.train.Example"),
        tfrecord_bomb(frame(b"no example")),
    ),
    Case("many-numbers-tfrecord", ("data.tfrecord, record 0", "several values"), many_numbers),
)

TARS = (
    Case("link-tar", ("data.tar, 9.png", "link"), hostile_member("9.png", tarfile.SYMTYPE, "/etc")),
    Case("device-tar", ("data.tar, 9.png", "device"), hostile_member("9.png", tarfile.CHRTYPE)),
    Case("slip-tar", ("escaped.png has no label",), hostile_member("../../escaped.png")),
    Case("bomb-tar", ("data.tar.gz, 0.png", "67,108,864"), bomb("0.png", tarfile.REGTYPE)),
    Case("bomb-in-the-header-tar", ("data.tar.gz", "header"), bomb("0", tarfile.GNUTYPE_LONGNAME)),
    Case("endless-sample-tar", ("data.tar, 0.100", "100 members"), endless_sample),
)
