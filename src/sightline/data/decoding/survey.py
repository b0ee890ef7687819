"""Survey images: read the header of each, before one form is chosen for all."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from sightline.data.decoding.images import EncodedImage, ImageHeader, read_header, read_peak


class Surveyed(NamedTuple):
    """What is known of an image that was not decoded."""

    name: str
    header: ImageHeader
    peak: Callable[[], int]  # Reads the largest value of an image of 16 bits


def survey(images: Iterable[EncodedImage]) -> Iterator[Surveyed]:
    """Read the headers of images, in order. Raises DataError, naming one that cannot be read."""
    for image in images:
        yield Surveyed(image.name, read_header(image), partial(read_peak, image))
