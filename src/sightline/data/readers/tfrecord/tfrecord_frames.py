"""Read the records of an untrusted TFRecord file, plain or gzip, and check their checksums.

TensorFlow, which reads such files, takes 7 s and 760 MB to import, and more when it trains in the
Keras process at the same time. The format is short: the length of a record in eight bytes, the
checksum of these bytes, the record and its checksum. The checksums are CRC-32C (RFC 3720), rotated
and added to a constant, as in
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sightline.data.readers import content
from sightline.data.readers.base import MAX_IMAGE_BYTES
from sightline.errors import DataError

_HEAD = struct.Struct("<QI")  # Length, and the checksum of its eight bytes
_LENGTH_BYTES, _CHECKSUM_BYTES = 8, 4
_MAX_RECORD_BYTES = MAX_IMAGE_BYTES + (1 << 20)


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file.

    Raises DataError, with the number of the record from 0, if a checksum is wrong, the file is
    truncated, or a record is larger than 65 MiB.
    """
    number = 0
    with closing(content.ByteStream(path)) as stream:
        while head := stream.read(_HEAD.size):
            yield _read_record(stream, head, path, number)
            number += 1


def _read_record(stream: content.ByteStream, head: bytes, path: Path, number: int) -> bytes:
    name = f"{path}, record {number} (counted from 0)"
    if len(head) < _HEAD.size:
        raise DataError(f"{name} is truncated; get a fresh copy.")
    length, checksum = _HEAD.unpack(head)
    if _checksum(head[:_LENGTH_BYTES]) != checksum:
        problem = "is damaged" if number else "is not one of a TFRecord file, plain or gzip"
        raise DataError(f"{name} {problem}: the checksum of its length is wrong; get a fresh copy.")
    if length > _MAX_RECORD_BYTES:
        raise DataError(
            f"{name} has {length:,} bytes; expected an image of at most {MAX_IMAGE_BYTES:,}: "
            "shrink or remove it."
        )
    record = stream.read(length + _CHECKSUM_BYTES)
    if len(record) < length + _CHECKSUM_BYTES:
        raise DataError(f"{name} is truncated; get a fresh copy.")
    record, stated = record[:length], record[length:]
    if _checksum(record) != int.from_bytes(stated, "little"):
        raise DataError(f"{name} is damaged: its checksum is wrong; get a fresh copy.")
    return record


def _checksum(data: bytes) -> int:
    from google_crc32c import value

    crc: int = value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
