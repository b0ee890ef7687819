"""Find the images that cannot be read, so that a data set can do without them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.images import EncodedImage, decode_one, silence_bomb_warnings
from sightline.data.decoding.parallel import ordered_map
from sightline.data.layout import Layout
from sightline.data.readers.base import Form
from sightline.errors import DataError
from sightline.pipeline.progress import Counter
from sightline.storage.text import quoted

_FORM = Form((8, 8, 3), "stretch")  # any: only whether an image can be decoded matters
_MAX_NAMES, _MAX_NAME = 5, 120

Mask = NDArray[np.bool_]


class Readable(NamedTuple):
    """Which images can be read: a bool array of shape (n,) per group, and the names of the rest."""

    masks: tuple[Mask, ...]
    skipped: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence that names the images that cannot be read, if there are any."""
        if not self.skipped:
            return ()
        named = ", ".join(quoted(name, _MAX_NAME) for name in self.skipped[:_MAX_NAMES])
        more = len(self.skipped) - _MAX_NAMES
        others = f" and {more:,} others" if more > 0 else ""
        count = len(self.skipped)
        return (f"Left out, as they cannot be read: {count:,} image(s): {named}{others}.",)


def find_readable(
    images: Iterable[EncodedImage], sizes: Sequence[int], layout: Layout, *, skip: bool = True
) -> Readable:
    """Decode all images, in groups of these sizes, to find those that can be read.

    Without `skip`, none is decoded and all count as readable.
    """
    ends = np.cumsum(sizes)
    if not skip:
        return Readable(tuple(np.ones(size, np.bool_) for size in sizes))
    counter = Counter("checks", int(ends[-1]))
    readable: list[bool] = []
    skipped: list[str] = []
    with silence_bomb_warnings():
        for image, ok in ordered_map(_check, images):
            readable.append(ok)
            if not ok:
                skipped.append(layout.shorten(image))
            counter.advance(1)
    masks = np.split(np.array(readable, np.bool_), ends[:-1])
    return Readable(tuple(masks), tuple(skipped))


def _check(image: EncodedImage) -> tuple[str, bool]:
    try:
        decode_one(image, _FORM)
    except DataError:
        return image.name, False
    return image.name, True
