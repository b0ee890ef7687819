"""The form to which all images of a data set are brought: size, channels, way to resize."""

import math
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from sightline.config import DataConfig, Resize
from sightline.data.readers.base import Form, Shape
from sightline.data.readers.images import EncodedImage, read_header, silence_bomb_warnings
from sightline.errors import DataError
from sightline.pipeline.progress import Counter

MIN_SIDE, MAX_SIDE = 8, 4096
_DEFAULT_SIZE = (64, 64)
_DISTORTED = 1.15  # Change of the aspect ratio that is visible
_MOST_PIXEL_BYTES = 8 << 30  # More are not stored decoded, unless asked for

_EFFECTS: dict[Resize, str] = {
    "stretch": ", ignoring their aspect ratio",
    "crop": "; what did not fit was cut off",
    "letterbox": "; the rest is black",
}


def choose_form(
    images: Iterable[EncodedImage], total: int, settings: DataConfig
) -> tuple[Form, tuple[str, ...]]:
    """Read the headers of all images; choose one form and describe the conversions it takes.

    `settings` can set size, channels and the way to resize. Default: the common size, or 64x64 if
    sizes differ; RGB if any image has colour. Raises DataError, naming the image, if one cannot be
    read or is too large.
    """
    sizes: Tally[tuple[int, int]] = Tally()
    grey = recolored = 0
    counter = Counter("headers", total)
    with silence_bomb_warnings():
        for image in images:
            header = read_header(image)
            sizes[header.size] += 1
            grey += header.grey
            recolored += not header.srgb
            counter.advance(1)
    size = settings.image_size or (next(iter(sizes)) if len(sizes) == 1 else _DEFAULT_SIZE)
    shape = target_shape((*size, 1 if grey == total else 3), settings)
    resized = total - sizes[shape[0], shape[1]]
    converted = total - grey if shape[2] == 1 else grey
    resize = choose_resize(settings.resize, sizes, shape)
    large = total * math.prod(shape) > _MOST_PIXEL_BYTES
    form = Form(shape, resize, settings.store == "encoded" or (settings.store == "auto" and large))
    notes = describe_conversions(shape, resize, resized, converted, total)
    if recolored:
        notes += (f"{recolored:,} of {total:,} images were converted from their profile to sRGB.",)
    return form, notes


def choose_resize(
    wanted: Resize | Literal["auto"], sizes: Mapping[tuple[int, int], int], shape: Shape
) -> Resize:
    """Return the wanted way to resize; "auto" depends on the images.

    `sizes` counts the images of each height and width. They are cropped if stretching would change
    the aspect ratio of half of them by 15 % or more.
    """
    if wanted != "auto":
        return wanted
    ratios = np.array([height / width for height, width in sizes]) * shape[1] / shape[0]
    distorted = np.maximum(ratios, 1 / ratios) >= _DISTORTED
    counts = np.array(list(sizes.values()))
    return "crop" if 2 * counts[distorted].sum() >= counts.sum() else "stretch"


def target_shape(found: Shape, settings: DataConfig) -> Shape:
    """Return the configured shape, by default `found`; check that its sides are 8 to 4,096."""
    height, width = settings.image_size or found[:2]
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
        raise DataError(
            f"The images are {height}x{width} pixels; expected sides of {MIN_SIDE} to "
            f"{MAX_SIDE:,}, set data.image_size to resize them."
        )
    return height, width, settings.channels or found[2]


def describe_conversions(
    shape: Shape, resize: Resize, resized: int, converted: int, total: int
) -> tuple[str, ...]:
    """Describe how many of `total` images were resized and how many changed channels."""
    notes = []
    if resized:
        notes.append(
            f"{resized:,} of {total:,} images were resized to {shape[0]}x{shape[1]} pixels"
            f"{_EFFECTS[resize]}."
        )
    if converted:
        kind = "grey" if shape[2] == 1 else "RGB"
        notes.append(f"{converted:,} of {total:,} images were converted to {kind}.")
    return tuple(notes)
