"""All images that are to be predicted, as a stream of blocks, read and decoded ahead."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sightline.data.readers import parquet_images
from sightline.data.readers.base import rows_in_block
from sightline.data.readers.images import EncodedImage, ImageHeader, conform, decode_one
from sightline.data.readers.parallel import ordered_map
from sightline.errors import DataError
from sightline.prediction import npy
from sightline.prediction.inputs import pictures
from sightline.prediction.records import Input

_BLOCKS_AHEAD = 4
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Block:
    """Some images that are predicted together.

    Attributes:
        names: pyarrow array of m strings: where each came from.
        images: uint8 array of shape (m, height, width, channels), as the model takes them; black
            where an image could not be read.
        errors: Row of such an image to what is wrong with it.
        resized: How many had another size.
        converted: How many had other channels.
    """

    names: Any
    images: NDArray[np.uint8]
    errors: dict[int, str] = field(default_factory=dict)
    resized: int = 0
    converted: int = 0


@dataclass(frozen=True)
class _Item:
    """An encoded image, or what is wrong with it."""

    name: str
    picture: EncodedImage | None
    error: str = ""


@dataclass(frozen=True)
class _Decoded:
    name: str
    found: tuple[ImageHeader, NDArray[np.uint8]] | None
    error: str = ""


def read(inputs: Sequence[Input], shape: Shape, size: int) -> Iterator[Block]:
    """Read images in order.

    Args:
        inputs: Where they are.
        shape: Height, width and channels that each is brought to.
        size: Most images of a block.

    Yields:
        Blocks; some are read ahead, so that the model need not wait.

    Raises:
        DataError: A file that holds many images is damaged.
    """
    for is_array, group in groupby(inputs, key=lambda one: one.kind == "npy"):
        if is_array:
            for one in group:
                yield from _of_array(one, shape, size)
        else:
            yield from _of_pictures(group, shape, size)


def as_text(text: str) -> str:
    r"""Return text that may hold a file's name as UTF-8; other bytes are escaped, as `\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


def _of_array(one: Input, shape: Shape, size: int) -> Iterator[Block]:
    header = npy.read_header(Path(one.path))
    rows = min(size, rows_in_block(header.image_bytes))
    total, height, width, channels = header.shape
    descriptor = os.open(header.path, os.O_RDONLY)

    def block(first: int) -> Block:
        count = min(rows, total - first)
        images = npy.read_images(header, descriptor, first, count)
        return Block(
            names=_numbered(one.name, first, count),
            images=next(conform(iter([images]), shape)),
            resized=count if (height, width) != shape[:2] else 0,
            converted=count if channels != shape[2] else 0,
        )

    try:
        yield from ordered_map(block, range(0, total, rows), batch_size=1, ahead=_BLOCKS_AHEAD)
    finally:
        os.close(descriptor)


def _numbered(name: str, first: int, count: int) -> Any:
    numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
    return pc.binary_join_element_wise(f"{name}#", numbers, "")


def _of_pictures(group: Iterable[Input], shape: Shape, size: int) -> Iterator[Block]:
    items = (item for one in group for item in _items(one))
    decoded = ordered_map(lambda item: _decoded(item, shape), items)
    while rows := list(islice(decoded, size)):
        yield _block(rows, shape)


def _items(one: Input) -> Iterator[_Item]:
    path = Path(one.path)
    if one.kind == "parquet":
        for row, value in parquet_images.read_values(path, one.column):
            name = f"{one.name}#{row}"
            try:
                yield _Item(name, parquet_images.to_image(path, row, value))
            except DataError as error:
                yield _Item(name, None, str(error))
        return
    for file in pictures(path) if one.kind == "folder" else [path]:
        name = str(Path(one.name) / file.relative_to(path))
        yield _Item(name, EncodedImage(name, file))


def _decoded(item: _Item, shape: Shape) -> _Decoded:
    if item.picture is None:
        return _Decoded(item.name, None, item.error)
    try:
        return _Decoded(item.name, decode_one(item.picture, shape))
    except DataError as error:
        return _Decoded(item.name, None, str(error))


def _block(rows: Sequence[_Decoded], shape: Shape) -> Block:
    images = np.zeros((len(rows), *shape), dtype=np.uint8)
    errors: dict[int, str] = {}
    resized = converted = 0
    for number, row in enumerate(rows):
        if row.found is None:
            errors[number] = as_text(row.error)
            continue
        header, images[number] = row.found
        resized += header.size != shape[:2]
        converted += header.grey != (shape[2] == 1)
    names = pa.array([as_text(row.name) for row in rows], pa.string())
    return Block(names, images, errors, resized, converted)
