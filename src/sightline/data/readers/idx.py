"""Reads IDX files, the format of MNIST: a magic number, the dimensions, then one byte a value."""

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import content, labels
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    Blocks,
    Examples,
    Reading,
    check_count,
    rows_in_block,
)
from sightline.errors import DataError

_IMAGES, _LABELS = 3, 1
"""Number of dimensions of an image file and of a label file."""


def read(
    layout: Layout, settings: DataConfig, class_names: tuple[str, ...] | None = None
) -> Reading:
    """Read IDX files, plain or gzip.

    Args:
        layout: Images and labels of each split.
        settings: Not used.
        class_names: Names in label order, where they are known.

    Returns:
        Grey images.

    Raises:
        DataError: A file is damaged, of another type, or images and labels differ in number.
    """
    shapes = {}
    found = []
    for split, (images, label_file) in layout.files.items():
        shapes[split] = _dimensions(images, _IMAGES)
        found.append(_labels(label_file))
        if shapes[split][0] != len(found[-1].codes):
            raise DataError(
                f"{images} holds {shapes[split][0]:,} images, but {label_file} holds "
                f"{len(found[-1].codes):,} labels; both must belong together."
            )
    sizes = {shape[1:] for shape in shapes.values()}
    if len(sizes) > 1:
        raise DataError(
            f"{layout.path}: expected one image size, found "
            f"{' and '.join(f'{height}x{width}' for height, width in sorted(sizes))}."
        )
    names, numbers = labels.encode(found, class_names)
    height, width = sizes.pop()
    examples = tuple(
        _examples(split, layout.files[split][0], shapes[split], split_labels)
        for split, split_labels in zip(layout.files, numbers, strict=True)
    )
    return Reading(names, (height, width, 1), examples, layout.notes)


def _examples(
    split: str, path: Path, shape: tuple[int, ...], split_labels: NDArray[np.int64]
) -> Examples:
    name = path.name.removesuffix(".gz")  # packed or not, it is the same example

    def blocks() -> Blocks:
        for block in _rows(path, shape):
            yield block[..., np.newaxis]

    return Examples(split, split_labels, blocks, lambda row: f"{name}#{row}")


def _labels(path: Path) -> labels.FoundLabels:
    collector = labels.LabelCollector(str(path))
    for block in _rows(path, _dimensions(path, _LABELS)):
        collector.add(pa.array(block))
    return collector.found()


def _dimensions(path: Path, expected: int) -> tuple[int, ...]:
    """Read the header and return the dimensions that it states."""
    head = b""
    for chunk in content.chunks(path):
        head += chunk
        if len(head) >= _header_bytes(expected):
            break
    magic = head[:4]
    if magic != bytes((0, 0, 8, expected)):
        what = {_IMAGES: "images (magic number 0x00000803)", _LABELS: "labels (0x00000801)"}
        raise DataError(
            f"{path}: expected an IDX file of {what[expected]}, one unsigned byte a value, found "
            f"the magic number 0x{magic.hex()}."
        )
    if len(head) < _header_bytes(expected):
        raise DataError(f"{path} is truncated inside of its header; get a fresh copy.")
    dimensions = struct.unpack(f">{expected}I", head[4 : _header_bytes(expected)])
    check_count(str(path), dimensions[0])
    if not 1 <= math.prod(dimensions[1:]) <= MAX_IMAGE_BYTES:
        raise DataError(f"{path}: its header states an impossible image size {dimensions[1:]}.")
    return dimensions


def _header_bytes(dimensions: int) -> int:
    return 4 + 4 * dimensions


def _rows(path: Path, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield the values in blocks of shape (m, *shape[1:]) and check that the file ends there."""
    row_bytes = math.prod(shape[1:])
    block_bytes = rows_in_block(row_bytes) * row_bytes
    skip = _header_bytes(len(shape))
    left = shape[0] * row_bytes
    rest = bytearray()
    for chunk in content.chunks(path):
        rest += chunk[skip:]
        skip = max(0, skip - len(chunk))
        if len(rest) > left:
            raise DataError(_miscounted(path, shape, "more"))
        whole = len(rest) - len(rest) % row_bytes
        if whole and whole >= min(block_bytes, left):
            yield np.frombuffer(rest[:whole], np.uint8).reshape(-1, *shape[1:])
            del rest[:whole]
            left -= whole
    if left:
        raise DataError(_miscounted(path, shape, f"{left - len(rest):,} bytes less"))


def _miscounted(path: Path, shape: tuple[int, ...], found: str) -> str:
    stated = " x ".join(f"{size:,}" for size in shape)
    return f"{path}: its header states {stated} bytes, but it holds {found}; get a fresh copy."
