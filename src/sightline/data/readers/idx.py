"""Read IDX files, the format of MNIST: magic number, dimensions, then one byte per value."""

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.labelling import labels, unlabelled
from sightline.data.layout import Layout
from sightline.data.readers import content
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    Origin,
    RawDataset,
    RawSplit,
    check_count,
    raw_blocks,
    rows_in_block,
)
from sightline.errors import DataError

_IMAGES, _LABELS = 3, 1  # number of dimensions
_TRANSPOSED = "emnist-"  # start of the names of files whose images have x and y exchanged
_EXPECTED = {_IMAGES: "images (magic number 0x00000803)", _LABELS: "labels (0x00000801)"}


def read(
    layout: Layout, settings: DataConfig, class_names: tuple[str, ...] | None = None
) -> RawDataset:
    """Read IDX files, plain or gzip, with grey images; raise DataError for a malformed file.

    Images in files of EMNIST, which stores them transposed, are transposed back.
    """
    shapes = {name: _dimensions(paths[0], _IMAGES) for name, paths in layout.files.items()}
    pairs = {name: paths for name, paths in layout.files.items() if len(paths) > 1}
    found = [_labels(images, path, shapes[name][0]) for name, (images, path) in pairs.items()]
    sizes = {shape[1:] for shape in shapes.values()}
    if len(sizes) > 1:
        shown = " and ".join(f"{height}x{width}" for height, width in sorted(sizes))
        raise DataError(f"{layout.path}: expected one image size, found {shown}.")
    names, numbers = labels.encode(found, class_names)
    height, width = sizes.pop()
    transposed = any(images.name.startswith(_TRANSPOSED) for images, _ in pairs.values())
    axes = (0, 1, 2)
    notes = layout.notes
    if transposed:
        axes, height, width = (0, 2, 1), width, height
        notes = (*notes, "EMNIST stores its images transposed; they were transposed back.")

    def split(name: str, split_labels: NDArray[np.int64]) -> RawSplit:
        path = layout.files[name][0]
        file = path.name.removesuffix(".gz")  # the source is the same, compressed or not
        return RawSplit(
            name,
            split_labels,
            place=f"file {file}",
            images=lambda: raw_blocks(
                rows.transpose(axes)[..., np.newaxis] for rows in _rows(path, shapes[name])
            ),
            source=lambda row: f"{file}#{row}",
        )

    return RawDataset(
        names,
        (height, width, 1),
        tuple(map(split, pairs, numbers)),
        Origin("IDX files", "the files of labels"),
        notes,
        unlabelled=tuple(
            split(name, unlabelled.no_labels(shape[0]))
            for name, shape in shapes.items()
            if name not in pairs
        ),
    )


def _labels(images: Path, path: Path, count: int) -> labels.FoundLabels:
    collector = labels.LabelCollector(str(path))
    for block in _rows(path, _dimensions(path, _LABELS)):
        collector.add(pa.array(block))
    if collector.rows != count:
        raise DataError(
            f"{images} has {count:,} images, but {path} has {collector.rows:,} labels; check that "
            "they belong together."
        )
    return collector.found()


def _dimensions(path: Path, expected: int) -> tuple[int, ...]:
    """Read and check the header; return the stated dimensions."""
    head = b""
    for chunk in content.read_chunks(path):
        head += chunk
        if len(head) >= _header_bytes(expected):
            break
    if head[:4] != bytes((0, 0, 8, expected)):
        raise DataError(
            f"{path}: expected an IDX file of {_EXPECTED[expected]} with unsigned bytes, found "
            f"the magic number 0x{head[:4].hex()}."
        )
    if len(head) < _header_bytes(expected):
        raise DataError(f"{path} is truncated within its header; get a fresh copy.")
    dimensions = struct.unpack(f">{expected}I", head[4 : _header_bytes(expected)])
    check_count(str(path), dimensions[0])
    if not 1 <= math.prod(dimensions[1:]) <= MAX_IMAGE_BYTES:
        raise DataError(f"{path}: its header states an impossible image size {dimensions[1:]}.")
    return dimensions


def _header_bytes(dimensions: int) -> int:
    return 4 + 4 * dimensions


def _rows(path: Path, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield blocks of shape (m, *shape[1:]) and check that the file ends after the last one."""
    row_bytes = math.prod(shape[1:])
    block_bytes = rows_in_block(row_bytes) * row_bytes
    skip = _header_bytes(len(shape))
    left = shape[0] * row_bytes
    buffer = bytearray()
    for chunk in content.read_chunks(path):
        buffer += chunk[skip:]
        skip = max(0, skip - len(chunk))
        if len(buffer) > left:
            raise DataError(_wrong_size(path, shape, "more"))
        complete = len(buffer) - len(buffer) % row_bytes
        if complete and complete >= min(block_bytes, left):
            yield np.frombuffer(buffer[:complete], np.uint8).reshape(-1, *shape[1:])
            del buffer[:complete]
            left -= complete
    if left:
        raise DataError(_wrong_size(path, shape, f"{left - len(buffer):,} bytes less"))


def _wrong_size(path: Path, shape: tuple[int, ...], found: str) -> str:
    stated = " x ".join(f"{size:,}" for size in shape)
    return f"{path}: its header states {stated} bytes, but it has {found}; get a fresh copy."
