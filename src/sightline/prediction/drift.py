"""Compare images with the training images of a model."""

import numpy as np

from sightline.data.validation import drift
from sightline.records import SplitProfile

_LARGE = 0.25  # Population stability index of a large shift
_UNLIKE, _TIMES_BETTER = 0.3, 2
"""Distance of unlike histograms, and how many times closer the inverse must be."""


def compare(found: SplitProfile, training: SplitProfile) -> tuple[str, ...]:
    """Describe in sentences how images differ from the training images.

    There are none if the images are similar, as far as their number shows.
    """
    figures = (
        f"pixel mean {found.pixel_mean:.1f}, standard deviation {found.pixel_std:.1f}; in training "
        f"{training.pixel_mean:.1f} and {training.pixel_std:.1f}"
    )
    if is_inverted(found, training):
        return (
            f"The images look inverted: light where the training images are dark ({figures}); "
            "invert them, unless this is intended.",
        )
    indexes = {
        name: drift.stability_index(before, now, training.images, found.images)
        for name, before, now in (
            ("distribution of the pixels", training.pixels, found.pixels),
            ("brightness", training.brightness, found.brightness),
        )
    }
    return tuple(
        f"The {name} of the images differs from the training images: population stability index "
        f"{index:.2f}, large is {_LARGE} ({figures}); the predictions may be unreliable."
        for name, index in indexes.items()
        if index > _LARGE
    )


def is_inverted(found: SplitProfile, training: SplitProfile) -> bool:
    """Return whether the histogram of the pixels fits much better when it is reversed."""
    distance = _distance(found.pixels, training.pixels)
    return distance > max(_UNLIKE, _TIMES_BETTER * _distance(found.pixels[::-1], training.pixels))


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the Jensen-Shannon distance with base 2 (Lin, 1991), 0 to 1."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(np.asarray(one), np.asarray(other), base=2))
