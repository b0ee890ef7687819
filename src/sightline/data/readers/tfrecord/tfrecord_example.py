"""Parse a `tf.train.Example`: named lists of bytes, integers or floats.

A parser of its own, for Protocol Buffers as in https://protobuf.dev/programming-guides/encoding:
the classes of TensorFlow come with all of it, and the library would turn a hostile record of 64 MiB
into gigabytes of small objects. This one looks only at what is asked for.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # Wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_KINDS = {1: "bytes", 2: "float", 3: "int64"}  # Fields of a feature
_MAX_FEATURES = 1000
_SHIFTS = range(0, 70, 7)  # Bits before each byte of an integer, which has ten at most
_MOST = 0x7F  # Seven bits; a larger byte is not the last one

Value = bytes | float | int


class Feature(NamedTuple):
    """A list of values of one kind: bytes, float or int64; "" if it has none."""

    kind: str
    content: memoryview

    def first(self, most: int) -> list[Value]:
        """Return the first values, at most `most`; raise ValueError if they are damaged."""
        found: list[Value] = []
        for number, content in _fields(self.content):
            if number != 1:
                continue
            for value in _values(self.kind, content):
                if len(found) == most:
                    return found
                found.append(value)
        return found


EMPTY = Feature("", memoryview(b""))


def parse(record: bytes) -> dict[str, Feature]:
    """Return the features of an example by name; raise ValueError if it is none."""
    found: dict[str, Feature] = {}
    for _, features in _messages(memoryview(record), 1):
        for _, entry in _messages(features, 1):
            name, feature = "", EMPTY
            for number, content in _messages(entry, 1, 2):
                if number == 1:
                    name = str(content, "utf-8")
                else:
                    feature = _feature(content)
            found[name] = feature
            if len(found) > _MAX_FEATURES:
                raise ValueError(f"more than {_MAX_FEATURES:,} features")
    return found


def _feature(content: memoryview) -> Feature:
    for number, values in _messages(content, *_KINDS):
        return Feature(_KINDS[number], values)
    return EMPTY


def _messages(data: memoryview, *wanted: int) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and the content of those fields that hold messages or bytes."""
    for number, content in _fields(data):
        if number in wanted:
            if isinstance(content, int):
                raise ValueError("a number where a list is expected")
            yield number, content


def _values(kind: str, content: memoryview | int) -> Iterator[Value]:
    """Yield the values of a field of a list: one, or several packed ones."""
    if kind == "bytes":
        if isinstance(content, int):
            raise ValueError("a number where bytes are expected")
        yield bytes(content)
    elif kind == "int64":
        if isinstance(content, int):
            yield _signed(content)
            return
        position = 0
        while position < len(content):
            value, position = _varint(content, position)
            yield _signed(value)
    elif kind == "float":
        if isinstance(content, int) or len(content) % 4:
            raise ValueError("no floats of 32 bits")
        for start in range(0, len(content), 4):
            yield struct.unpack("<f", content[start : start + 4])[0]


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield the number and the content of each field: an integer of a varint, else its bytes."""
    position = 0
    while position < len(data):
        key, position = data[position], position + 1
        if key > _MOST:
            key, position = _varint(data, position - 1)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _varint(data, position)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f"unknown wire type {kind}")
        if size > len(data) - position:
            raise ValueError("a field is longer than its message")
        yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return an unsigned integer and the position behind it."""
    value = 0
    for shift in _SHIFTS:
        if position == len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & _MOST) << shift
        if byte <= _MOST:
            return value & (2**64 - 1), position
    raise ValueError("a number does not end")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
