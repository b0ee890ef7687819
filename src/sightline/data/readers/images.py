"""Encoded images (PNG, JPEG, BMP): their headers first, then their pixels, in a few threads."""

import io
import math
import warnings
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from sightline.config import DataConfig
from sightline.data.readers import content
from sightline.data.readers.base import Blocks, rows_in_block
from sightline.data.readers.parallel import in_order
from sightline.data.readers.pixels import conformed, flattened, is_grey, target_shape
from sightline.errors import DataError
from sightline.pipeline.counting import Counter
from sightline.storage.text import quoted

FORMATS = ("PNG", "JPEG", "BMP")
_DEFAULT_SIZE = (64, 64)
_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that swap height and width
R = TypeVar("R")


@dataclass(frozen=True)
class Picture:
    """One encoded image: where it came from, for errors, and its file or its bytes."""

    subject: str
    data: Path | bytes


@dataclass(frozen=True)
class Header:
    """What an image's header tells: height and width as it is to be seen, and colour."""

    size: tuple[int, int]
    grey: bool


def survey(
    pictures: Iterable[Picture], total: int, settings: DataConfig
) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """Look at all headers and decide on one shape.

    Args:
        pictures: All images of all splits.
        total: Their number.
        settings: May ask for a size or a number of channels. Without, the size is kept where
            all images agree and 64x64 otherwise; one image with colour makes all RGB.

    Returns:
        Height, width and channels, and sentences on what is going to be changed.

    Raises:
        DataError: An image cannot be read or is too large; the message names it.
    """
    sizes: Tally[tuple[int, int]] = Tally()
    grey = 0
    counter = Counter("headers", total)
    with large_images_refused():
        for header in map(_header, pictures):
            sizes[header.size] += 1
            grey += header.grey
            counter.advance(1)
    size = settings.image_size or (next(iter(sizes)) if len(sizes) == 1 else _DEFAULT_SIZE)
    shape = target_shape((*size, 1 if grey == total else 3), settings)
    resized = total - sizes[shape[0], shape[1]]
    return shape, changes(shape, resized, total - grey if shape[2] == 1 else grey, total)


def decode(pictures: Iterable[Picture], shape: tuple[int, int, int]) -> Blocks:
    """Decode images in order.

    Args:
        pictures: The images; drawn only as far ahead as the threads need.
        shape: Height, width and channels that every image is brought to.

    Yields:
        uint8 arrays of shape (m, *shape).

    Raises:
        DataError: An image cannot be decoded; the message names it.
    """
    rows = rows_in_block(int(np.prod(shape)))
    block: list[NDArray[np.uint8]] = []
    for image in in_order(lambda picture: _pixels(picture, shape), pictures):
        block.append(image)
        if len(block) == rows:
            yield np.stack(block)
            block = []
    if block:
        yield np.stack(block)


def decode_one(picture: Picture, shape: tuple[int, int, int]) -> tuple[Header, NDArray[np.uint8]]:
    """Look at an image's header and decode it.

    Args:
        picture: The image.
        shape: Height, width and channels that it is brought to.

    Returns:
        What the header tells, and a uint8 array of `shape`.

    Raises:
        DataError: It cannot be decoded; the message names it.
    """
    return _with_image(picture, lambda image: (_look(image), _decoded(image, shape)))


@contextmanager
def large_images_refused() -> Iterator[None]:
    """Keep Pillow from warning of large images, which become our error.

    Enter it in one thread, around all those that read images: it is not made for several.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _header(picture: Picture) -> Header:
    return _with_image(picture, _look)


def _pixels(picture: Picture, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return _with_image(picture, lambda image: _decoded(image, shape))


def _look(image: Image.Image) -> Header:
    width, height = image.size
    turned = False
    if image.format == "JPEG" or "exif" in image.info:  # elsewhere asking would decode it
        turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
    return Header((width, height) if turned else (height, width), is_grey(image))


def _decoded(image: Image.Image, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    side = 2 * max(shape[:2])
    image.draft(None, (side, side))  # lets JPEG leave out detail that resizing drops anyway
    return conformed(flattened(ImageOps.exif_transpose(image)), shape)


def _with_image(picture: Picture, use: Callable[[Image.Image], R]) -> R:
    data = io.BytesIO(picture.data) if isinstance(picture.data, bytes) else picture.data
    try:
        with Image.open(data, formats=FORMATS) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                raise Image.DecompressionBombError  # Pillow itself only warns up to twice as many
            return use(image)
    except Image.DecompressionBombError:
        raise DataError(
            f"{picture.subject} has more than {Image.MAX_IMAGE_PIXELS:,} pixels; make it smaller "
            "or remove it."
        ) from None
    except MemoryError:
        raise DataError(
            f"{picture.subject} needs more memory than there is; make it smaller or remove it."
        ) from None
    except Exception as error:  # Pillow's decoders raise whatever the damage led to
        _check_kind(picture)
        reason = quoted(str(error).replace(repr(str(picture.data)), "it"))
        if isinstance(error, UnidentifiedImageError):
            reason = "its format is another"
        raise DataError(
            f"{picture.subject} cannot be read as a PNG, JPEG or BMP image ({reason}); replace or "
            "remove it."
        ) from None


def _check_kind(picture: Picture) -> None:
    """Say what a file is that is no image at all."""
    if isinstance(picture.data, Path):
        content.check_head(picture.data)
    elif content.is_html(picture.data):
        raise DataError(f"{picture.subject}: the image is an HTML page; replace or remove it.")


def changes(
    shape: tuple[int, int, int], resized: int, converted: int, total: int
) -> tuple[str, ...]:
    """Say in sentences what was changed while images were brought to a shape.

    Args:
        shape: Height, width and channels that they have now.
        resized: How many had another size.
        converted: How many had other channels.
        total: How many there are.
    """
    notes = []
    if resized:
        notes.append(
            f"{resized:,} of {total:,} images were resized to {shape[0]}x{shape[1]} pixels, "
            "without keeping the ratio of their sides."
        )
    if converted:
        kind = "grey" if shape[2] == 1 else "RGB"
        notes.append(f"{converted:,} of {total:,} images were converted to {kind}.")
    return tuple(notes)
