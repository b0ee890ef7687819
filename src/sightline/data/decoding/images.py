"""Decode images of the usual formats; of several pages or frames, the first."""

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from PIL.ImageFile import ImageFile

from sightline.data.decoding import jpeg
from sightline.data.decoding.color_profiles import is_srgb, to_srgb
from sightline.data.decoding.conform import conform_image, flatten, is_grey, window_of
from sightline.data.decoding.image_opening import with_image
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import DIGEST, Blocks, Form, RawBlock, rows_in_block
from sightline.errors import DataError

_ROTATED = frozenset({5, 6, 7, 8})  # EXIF orientations that swap height and width
_BLOCK_BYTES = 2 << 20  # A cache of the processor still holds a block when it is examined
R = TypeVar("R")


@dataclass(frozen=True)
class EncodedImage:
    """An encoded image."""

    name: str  # For errors
    data: Path | bytes | DataError  # Its file or its bytes, or why its source has none
    most_pixels: int | None = None  # A limit below that of its format


@dataclass(frozen=True)
class ImageHeader:
    """Height and width of an upright image, and whether it is grey and in sRGB."""

    size: tuple[int, int]
    grey: bool
    srgb: bool
    deep: bool  # Whether it has 16 bits; `coarse` if Pillow reads only the upper 8 of them
    coarse: bool
    clipped: bool = False  # Whether values of 16 bits exceed the white; only `decode_one` looks


def decode(images: Iterable[EncodedImage], form: Form) -> Blocks:
    """Decode images in order, in several threads, and bring them to one form.

    `images` are drawn only as far ahead as the threads need. Yields images with the digests of
    their files. Raises DataError, naming the image, if one cannot be decoded.
    """

    def read(image: EncodedImage) -> tuple[bytes, bytes, NDArray[np.uint8]]:
        return _with_image(image, parts)

    def parts(opened: ImageFile) -> tuple[bytes, bytes, NDArray[np.uint8]]:
        content = _content(opened)
        digest = hashlib.sha256(content).digest()
        kept = content if form.encoded else b""
        return kept, digest, _decode(opened, content, form)

    decoded = ordered_map(read, images)
    rows = rows_in_block(math.prod(form.shape), _BLOCK_BYTES)
    while block := list(islice(decoded, rows)):
        contents, digests, pixels = zip(*block, strict=True)
        encoded = contents if form.encoded else None
        yield RawBlock(np.stack(pixels), np.array(digests, DIGEST), encoded)


def decode_pixels(images: Iterable[EncodedImage], form: Form) -> NDArray[np.uint8]:
    """Decode images, at least one, to an array of shape (m, *form.shape); see `decode`."""

    def pixels(image: EncodedImage) -> NDArray[np.uint8]:
        return decode_one(image, form)[1]

    return np.stack([*ordered_map(pixels, images)])


def read_header(image: EncodedImage) -> ImageHeader:
    """Read the header of an image; raise DataError, naming it, if that fails."""
    return _with_image(image, _read_header)


def read_peak(image: EncodedImage) -> int:
    """Return the largest value of an image of 16 bits, without transparency."""

    def peak(opened: ImageFile) -> int:
        coarse = _read_header(opened).coarse
        if not coarse:
            return int(np.asarray(opened).max())
        colors = opened.convert("L" if opened.mode == "LA" else "RGB")  # without transparency
        return 257 * int(np.asarray(colors).max())

    return _with_image(image, peak)


def decode_one(image: EncodedImage, form: Form) -> tuple[ImageHeader, NDArray[np.uint8]]:
    """Return an image's header, and the image as a uint8 array of `form.shape`."""

    def both(opened: ImageFile) -> tuple[ImageHeader, NDArray[np.uint8]]:
        content = _content(opened)  # the header of a palette image takes decoding, which closes it
        header = _read_header(opened)
        if header.deep and not header.coarse:
            header = replace(header, clipped=bool(np.asarray(opened).max() > form.white))
        return header, _decode(opened, content, form)

    return _with_image(image, both)


@contextmanager
def silence_bomb_warnings() -> Iterator[None]:
    """Silence Pillow's warnings about large images; not thread-safe, so enter it only once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _read_header(image: ImageFile) -> ImageHeader:
    width, height = image.size
    rotated = False
    if image.format == "JPEG" or "exif" in image.info:  # other formats would be decoded for it
        rotated = _orientation(image) in _ROTATED
    size = (width, height) if rotated else (height, width)
    is_wide = image.mode.startswith("I")
    coarse = not is_wide and any(";16" in str(tile.args) for tile in image.tile)
    return ImageHeader(size, is_grey(image), is_srgb(image), is_wide or coarse, coarse)


def _content(image: ImageFile) -> bytes:
    """Read the whole file, of which Pillow may read only a part."""
    file = image.fp
    assert file is not None  # noqa: S101 - only a decoded image has closed its file
    position = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(position)
    return content


def _decode(image: ImageFile, content: bytes, form: Form) -> NDArray[np.uint8]:
    shape, resize = form.shape, form.resize
    side = 2 * max(shape[:2])
    image.draft(None, (side, side))  # lets JPEG skip detail that resizing would drop
    pixels = jpeg.decode(image, content)
    upright: Image.Image = image
    if pixels is not None:
        window = window_of(pixels.shape, shape, resize)
        if window and _orientation(image) == 1 and is_srgb(image):
            return pixels[window]
        upright = Image.fromarray(pixels[..., 0] if image.mode == "L" else pixels)
        upright.info = image.info  # the orientation and the color profile
    if upright is image or image.info:
        ImageOps.exif_transpose(upright, in_place=True)
    return conform_image(flatten(to_srgb(upright), form.white), shape, resize)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a JPEG; 1 is upright."""
    if not image.info:  # Pillow would prepare an empty table of tags
        return 1
    found: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found


def _with_image(encoded: EncodedImage, use: Callable[[ImageFile], R]) -> R:
    if isinstance(encoded.data, DataError):
        raise encoded.data
    return with_image(encoded.name, encoded.data, use, encoded.most_pixels)
