"""Images that show nothing: of a single value, or black or white almost everywhere."""

import numpy as np
from numpy.typing import NDArray

_BLACK, _WHITE = 5, 250
"""Values up to and from which a pixel passes for black and for white; JPEG never hits 0 and 255."""

_ALMOST = 0.99
_MOST_VALUE = 255

Mask = NDArray[np.bool_]


def blank(images: NDArray[np.uint8]) -> Mask:
    """Find the images whose pixels are all alike.

    Args:
        images: uint8 array of shape (n, height, width, channels).

    Returns:
        bool array of shape (n,).
    """
    flat = images.reshape(len(images), -1)
    found: Mask = flat.min(axis=1) == flat.max(axis=1)
    return found


def saturated(images: NDArray[np.uint8]) -> Mask:
    """Find the images that are black, or white, in at least 99 % of their values.

    Args:
        images: uint8 array of shape (n, height, width, channels).

    Returns:
        bool array of shape (n,).
    """
    flat = images.reshape(len(images), -1)
    means = flat.mean(axis=1)
    found = np.zeros(len(flat), dtype=np.bool_)
    # The mean alone rules nearly all images out; the pixels of the others are counted.
    dark = np.flatnonzero(means <= _ALMOST * _BLACK + (1 - _ALMOST) * _MOST_VALUE)
    light = np.flatnonzero(means >= _ALMOST * _WHITE)
    found[dark] = (flat[dark] <= _BLACK).mean(axis=1) >= _ALMOST
    found[light] = (flat[light] >= _WHITE).mean(axis=1) >= _ALMOST
    return found
