"""Read all images to predict as a stream of blocks, decoded ahead of the model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice, tee
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.data.decoding.conform import conform
from sightline.data.decoding.images import EncodedImage, ImageHeader, decode_one
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import Form, RawSplit, Shape, rows_in_block
from sightline.data.readers.parquet import parquet_images
from sightline.data.remote.opening import to_path
from sightline.data.remote.remote_path import WHOLE, RemotePath, read_ahead
from sightline.errors import ChangedDataError, DataError
from sightline.prediction import npy
from sightline.prediction.inputs import image_files
from sightline.prediction.records import Input

_BLOCKS_AHEAD = 4


@dataclass(frozen=True)
class Block:
    """Images that are predicted together."""

    names: Any  # pyarrow array of m strings, the source of each image
    # uint8 array of shape (m, height, width, channels) as the model expects; black where an image
    # could not be read
    images: NDArray[np.uint8]
    errors: dict[int, str] = field(default_factory=dict)  # Row of an unreadable image to the reason
    resized: int = 0  # Number of images that were resized; `converted` those to other channels
    converted: int = 0
    recolored: int = 0  # Number of images that were converted to sRGB
    clipped: int = 0  # Number of images of 16 bits with values above the white of the model


@dataclass(frozen=True)
class Named:
    """An encoded image, its header and pixels, or the reason why it cannot be read."""

    name: str
    value: EncodedImage | tuple[ImageHeader, NDArray[np.uint8]] | str


def read(inputs: Sequence[Input], form: Form, size: int) -> Iterator[Block]:
    """Read images in order, in blocks of at most `size` images of one shape.

    A few blocks are read ahead, so that the model need not wait. Raises DataError if a file that
    holds many images is damaged, and ChangedDataError if a remote file changed.
    """
    for is_array, group in groupby(inputs, key=lambda one: one.kind == "npy"):
        if is_array:
            for one in group:
                yield from _array_blocks(one, form, size)
        else:
            named = (image for one in group for image in encoded(one))
            yield from decoded_blocks(named, form, size)


def read_split(split: RawSplit, form: Form, size: int) -> Iterator[Block]:
    """Read a split of a data set like `read`; its images are named by their source."""
    if split.encoded:
        named = enumerate(split.encoded())
        yield from decoded_blocks(
            (Named(split.source(row), image) for row, image in named), form, size
        )
        return
    row = 0
    for raw in split.images():
        for start in range(0, len(raw), size):
            images = raw.images[start : start + size]
            names = [split.source(row + number) for number in range(len(images))]
            yield _conformed(names, images, form)
            row += len(images)


def escaped(text: str) -> str:
    r"""Return text as valid UTF-8; other bytes of a file name are escaped, as in `\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


def _array_blocks(one: Input, form: Form, size: int) -> Iterator[Block]:
    header = npy.read_header(to_path(one.path))
    rows = min(size, rows_in_block(header.image_bytes))

    def block(numbered: tuple[int, NDArray[np.uint8]]) -> Block:
        number, images = numbered
        first = number * rows
        names = [f"{one.name}#{first + row}" for row in range(len(images))]
        return _conformed(names, images, form)

    blocks = enumerate(npy.read_blocks(header, rows))
    yield from ordered_map(block, blocks, batch_size=1, ahead=_BLOCKS_AHEAD)


def _conformed(names: Sequence[str], images: NDArray[np.uint8], form: Form) -> Block:
    return Block(
        names=pa.array([escaped(name) for name in names], pa.string()),
        images=conform(images, form.shape, form.resize),
        resized=len(images) if images.shape[1:3] != form.shape[:2] else 0,
        converted=len(images) if images.shape[3] != form.shape[2] else 0,
    )


def decoded_blocks(images: Iterable[Named], form: Form, size: int) -> Iterator[Block]:
    """Decode images in blocks of `size`; remote ones are read ahead."""
    decoded = ordered_map(lambda image: _decoded(image, form), _loaded(images))
    while rows := list(islice(decoded, size)):
        yield _block(rows, form.shape)


def encoded(one: Input) -> Iterator[Named]:
    """Yield the encoded images of an input."""
    path = to_path(one.path)
    if one.kind == "parquet":
        for row, value in parquet_images.read_values(path, one.column):
            yield Named(f"{one.name}#{row}", parquet_images.to_image(path, row, value))
        return
    if one.kind == "image":
        name = str(path if isinstance(path, RemotePath) else Path(one.name))
        yield Named(name, EncodedImage(name, path))
        return
    # As text, in a tenth of the time that `relative_to` takes
    start, folder = len(str(path / "x")) - 1, str(Path(one.name) / "x")[:-1]
    for file in image_files(path):
        name = str(file) if isinstance(file, RemotePath) else folder + str(file)[start:]
        yield Named(name, EncodedImage(name, file))


def remote_path(image: Named) -> RemotePath | None:
    """Return the file of an image on another machine; None for other images."""
    data = image.value.data if isinstance(image.value, EncodedImage) else None
    return data if isinstance(data, RemotePath) else None


def _loaded(images: Iterable[Named]) -> Iterator[Named]:
    """Read the first bytes of remote images ahead."""
    for is_remote, group in groupby(images, lambda image: remote_path(image) is not None):
        if not is_remote:
            yield from group
            continue
        kept, ahead = tee(group)
        paths = read_ahead(filter(None, map(remote_path, ahead)), WHOLE)
        for image, path in zip(kept, paths, strict=True):
            yield Named(image.name, EncodedImage(image.name, path))


def _decoded(image: Named, form: Form) -> Named:
    if not isinstance(image.value, EncodedImage):
        return image
    try:
        return Named(image.name, decode_one(image.value, form))
    except ChangedDataError:
        raise
    except DataError as error:
        return Named(image.name, str(error))


def _block(rows: Sequence[Named], shape: Shape) -> Block:
    images = np.zeros((len(rows), *shape), dtype=np.uint8)
    errors: dict[int, str] = {}
    headers: list[ImageHeader] = []
    for number, row in enumerate(rows):
        if isinstance(row.value, tuple):
            header, images[number] = row.value
            headers.append(header)
        else:
            errors[number] = escaped(str(row.value))
    return Block(
        pa.array([escaped(row.name) for row in rows], pa.string()),
        images,
        errors,
        resized=sum(header.size != shape[:2] for header in headers),
        converted=sum(header.grey != (shape[2] == 1) for header in headers),
        recolored=sum(not header.srgb for header in headers),
        clipped=sum(header.clipped for header in headers),
    )
