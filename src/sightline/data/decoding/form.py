"""The form to which all images of a data set are brought: size, channels, way to resize."""

import math
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sightline.config import DataConfig, Resize
from sightline.data.decoding.images import silence_bomb_warnings
from sightline.data.decoding.survey import Surveyed
from sightline.data.layout import Detail, Layout
from sightline.data.readers.base import WHITES, Form, Shape
from sightline.errors import DataError
from sightline.pipeline.progress import Counter
from sightline.storage.text import quoted

MIN_SIDE, MAX_SIDE = 8, 4096
_DEFAULT_SIZE = (64, 64)
_COMMON = 0.9  # Share of the images from which their size is kept, and the others are named
_LARGEST_KEPT = 256  # Recipes train larger images slowly; the largest that one sets is 224
_MAX_NAMES, _MAX_NAME = 3, 120
_DISTORTED = 1.15  # Change of the aspect ratio that is visible
_MOST_PIXEL_BYTES = 8 << 30  # More are not stored decoded, unless asked for

_EFFECTS: dict[Resize, str] = {
    "stretch": ", ignoring their aspect ratio",
    "crop": "; what did not fit was cut off",
    "letterbox": "; the rest is black",
}


def choose_form(
    images: Iterable[Surveyed], total: int, settings: DataConfig, layout: Layout
) -> tuple[Form, tuple[str, ...]]:
    """Read the headers of all images; choose one form and describe the conversions it takes.

    `settings` can set size, channels and the way to resize. Default: the common size, see
    `_common_size`; RGB if any image has colour. Raises DataError, naming the image, if one cannot
    be read or is too large.
    """
    found = _survey(images, total, settings)
    sizes = found.sizes
    shape = target_shape((*_common_size(sizes), 1 if found.grey == total else 3), settings)
    resized = total - sizes[shape[0], shape[1]]
    converted = total - found.grey if shape[2] == 1 else found.grey
    resize = choose_resize(settings.resize, sizes, shape)
    large = total * math.prod(shape) > _MOST_PIXEL_BYTES
    encoded = settings.store == "encoded" or (settings.store == "auto" and large)
    form = Form(shape, resize, encoded, _choose_white(found, settings))
    is_common = total - resized >= _COMMON * total
    others = found.others(shape[:2], layout) if is_common else found.describe_sizes()
    notes = describe_conversions(shape, resize, resized, converted, total, others)
    if found.recolored:
        notes += (Detail(f"{found.recolored:,} of {total:,} images were converted to sRGB."),)
    if found.deep:
        notes += (
            f"{found.deep:,} of {total:,} images have 16 bits; their values from 0 to "
            f"{form.white:,} became 0 to 255 (data.white).",
        )
    return form, notes


@dataclass
class _Survey:
    """What the headers of all images say, and the largest value of those of 16 bits."""

    sizes: Tally[tuple[int, int]] = field(default_factory=Tally)
    examples: dict[tuple[int, int], list[str]] = field(default_factory=dict)  # Names, per size
    grey: int = 0
    recolored: int = 0  # Images whose profile is not sRGB
    deep: int = 0  # Images of 16 bits
    peak: int = 0
    coarse: str = ""  # Name of an image of 16 bits of which Pillow reads only the upper 8

    def add_example(self, size: tuple[int, int], name: str) -> None:
        """Remember the first names of the first sizes: enough to name images of another size."""
        if len(self.examples) <= _MAX_NAMES or size in self.examples:
            names = self.examples.setdefault(size, [])
            names += [name][: _MAX_NAMES - len(names)]

    def others(self, size: tuple[int, int], layout: Layout) -> str:
        """Name up to three images that have another size than this."""
        named = [
            f"{quoted(layout.shorten(name), _MAX_NAME)} ({height}x{width})"
            for (height, width), names in self.examples.items()
            for name in names
            if (height, width) != size
        ]
        more = ", ..." if self.sizes.total() - self.sizes[size] > _MAX_NAMES else ""
        return f": {', '.join(named[:_MAX_NAMES])}{more}"

    def describe_sizes(self) -> str:
        """Describe the smallest and the largest size."""
        ends = dict.fromkeys(end(self.sizes, key=math.prod) for end in (min, max))
        return f" (before: {' to '.join(f'{height}x{width}' for height, width in ends)})"


def _survey(images: Iterable[Surveyed], total: int, settings: DataConfig) -> _Survey:
    found = _Survey()
    counter = Counter("headers", total)
    with silence_bomb_warnings():
        for image in images:
            header = image.header
            found.sizes[header.size] += 1
            found.add_example(header.size, image.name)
            found.grey += header.grey
            found.recolored += not header.srgb
            found.deep += header.deep
            if header.deep and settings.white == "auto" and found.peak <= WHITES[-2]:
                found.peak = max(found.peak, image.peak())
            if header.coarse:
                found.coarse = found.coarse or image.name
            counter.advance(1)
    return found


def _common_size(sizes: Tally[tuple[int, int]]) -> tuple[int, int]:
    """Return the only size; or that of nine tenths, if its sides are 8 to 256; or 64x64."""
    (size, count), *others = sizes.most_common()
    fits = min(size) >= MIN_SIDE and max(size) <= _LARGEST_KEPT
    common = fits and count >= _COMMON * sizes.total()
    return size if common or not others else _DEFAULT_SIZE


def _choose_white(found: _Survey, settings: DataConfig) -> int:
    """Return the smallest white that no image of 16 bits exceeds, unless the config names one."""
    fits = (one for one in WHITES[:-1] if found.deep and found.peak <= one)
    white: int = next(fits, WHITES[-1]) if settings.white == "auto" else settings.white
    if found.coarse and white < WHITES[-1]:
        raise DataError(
            f"{found.coarse} has colors or transparency in 16 bits, but no image uses values "
            f"above {white:,}, and only the upper 8 bits of such images are read; convert them to "
            "8 bits, or set data.white to 65535."
        )
    return white


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
    shape: Shape, resize: Resize, resized: int, converted: int, total: int, others: str = ""
) -> tuple[str, ...]:
    """Describe how many of `total` images were resized and how many changed channels.

    `others` ends the first sentence: names of resized images, or their sizes.
    """
    notes: list[str] = []
    if resized:
        text = (
            f"{resized:,} of {total:,} images were resized to {shape[0]}x{shape[1]} pixels"
            f"{_EFFECTS[resize]}{others}."
        )
        notes.append(Detail(text) if resize == "stretch" and resized == total else text)
    if converted:
        kind = "grey" if shape[2] == 1 else "RGB"
        text = f"{converted:,} of {total:,} images were converted to {kind}."
        notes.append(Detail(text) if shape[2] > 1 else text)
    return tuple(notes)
