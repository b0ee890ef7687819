"""Write TFRecord files, byte by byte: TensorFlow takes seconds to import."""

import gzip
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from tar_files import grey

Values = bytes | str | int | float | list[int] | list[float] | list[bytes]


def checksum(data: bytes) -> bytes:
    """Return the masked CRC-32C of some bytes."""
    import google_crc32c

    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(record: bytes) -> bytes:
    """Return a record with its length and checksums."""
    length = struct.pack("<Q", len(record))
    return length + checksum(length) + record + checksum(record)


def varint(value: int) -> bytes:
    value %= 2**64
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def message(number: int, content: bytes) -> bytes:
    """Return a field that holds a message, text or bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(values: Values) -> bytes:
    """Return a feature of bytes, floats or integers, packed as TensorFlow does."""
    found = values if isinstance(values, list) else [values]
    if not found:
        return b""
    if isinstance(found[0], int):
        return message(3, message(1, b"".join(varint(int(value)) for value in found)))
    if isinstance(found[0], float):
        return message(2, message(1, struct.pack(f"<{len(found)}f", *found)))
    texts = [value.encode() if isinstance(value, str) else bytes(value) for value in found]
    return message(1, b"".join(message(1, text) for text in texts))


def example(features: Mapping[str, Values]) -> bytes:
    """Return a `tf.train.Example`."""
    entries = (
        message(1, message(1, name.encode()) + message(2, feature(values)))
        for name, values in features.items()
    )
    return message(1, b"".join(entries))


def write_tfrecord(path: Path, examples: Iterable[Mapping[str, Values]]) -> Path:
    """Write a file, compressed if its name ends in gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(frame(example(one)) for one in examples)
    path.write_bytes(gzip.compress(content, mtime=0) if path.name.endswith("gz") else content)
    return path


def examples(
    labels: Iterable[Values], first: int = 0, image: str = "image", label: str = "label"
) -> list[dict[str, Values]]:
    """Return examples with an image of one gray level from `first`, and a label."""
    return [{image: grey(first + number), label: value} for number, value in enumerate(labels)]
