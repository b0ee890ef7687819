"""Whether images look like those that a model learned from."""

import numpy as np

from sightline.data.validation import drift
from sightline.records import SplitProfile

_MUCH = 0.25
"""Population stability index from which on a distribution moved much, as in `sightline.drift`."""

_UNLIKE, _TIMES_BETTER = 0.3, 2
"""Distance from which on histograms are unlike, and how many times nearer the inverse must be."""


def compare(found: SplitProfile, training: SplitProfile) -> tuple[str, ...]:
    """Say how images differ from the training images.

    Args:
        found: Profile of the images, brought to the model's shape.
        training: Profile of the training images.

    Returns:
        Sentences; none where the images look alike, as far as their number can tell.
    """
    figures = (
        f"pixel mean {found.pixel_mean:.1f}, standard deviation {found.pixel_std:.1f}; in training "
        f"{training.pixel_mean:.1f} and {training.pixel_std:.1f}"
    )
    if looks_inverted(found, training):
        return (
            f"The images look inverted: light where the training images are dark ({figures}); "
            "invert them, unless they are meant to be so.",
        )
    return tuple(
        f"The {subject} of the images is unlike that of the training images: population stability "
        f"index {index:.2f}, {_MUCH} is much ({figures}); the probabilities may be worth little."
        for subject, one, other in (
            ("distribution of the pixels", training.pixels, found.pixels),
            ("brightness", training.brightness, found.brightness),
        )
        if (index := drift.stability_index(one, other, training.images, found.images)) > _MUCH
    )


def looks_inverted(found: SplitProfile, training: SplitProfile) -> bool:
    """Tell whether the histogram of the pixels fits much better once it is turned round."""
    straight = _distance(found.pixels, training.pixels)
    turned = _distance(found.pixels[::-1], training.pixels)
    return straight > _UNLIKE and straight > _TIMES_BETTER * turned


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the Jensen-Shannon distance with base 2 (Lin, 1991), 0 to 1."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(np.asarray(one), np.asarray(other), base=2))
