"""Images that look alike without being equal, found without comparing all with all.

The images are put in the order of their perceptual hashes, so that alike ones come to stand near
each other, and each is compared with the next 128 in that order. This is done four times, each
time with another 16 bits of the hash in front (sorted tables of permuted hashes as in G. Manku,
A. Jain, A. Das Sarma, "Detecting near-duplicates for web crawling", 2007): hashes that differ in
three bits at most have one of these four parts in common, and meet unless more than 128 images
have that part. So there are 512 comparisons an image at most, whatever the images are; a million
equal hashes make no more.

Images are compared by their lowest frequencies. Of each, only the earlier one that it is most alike
is kept, and the pixels of that pair decide.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightline.data.validation.duplicates import Pairs, Rows
from sightline.data.validation.perceptual_hash import Fingerprints

ALIKE = 0.985
"""Correlation of pixels from which on two images are much alike."""

_COARSELY_ALIKE = 0.99
"""Likeness of the lowest frequencies from which on the pixels are looked at; what differs between
two versions of an image are mostly the fine details."""

_REACH = 128
"""How many of the next images in an order one is compared with, at least."""

_TURNS = (0, 16, 32, 48)
"""By how many bits the hashes are turned."""

_BLOCK_BYTES = 1 << 18
_SHIFT = 32
"""Bits of a key that hold the row."""

_STEPS = 1 << 20
"""Steps from 0 to 1 that likeness is rounded to."""

ReadImages = Callable[[Rows], NDArray[np.uint8]]


def find(read: ReadImages, prints: Fingerprints, splits: NDArray[np.int8]) -> tuple[Pairs, Pairs]:
    """Find the images that are much like an earlier one.

    Args:
        read: Gives the images of some rows: uint8 of shape (m, height, width, channels).
        prints: Fingerprints of all n images; those without a spectrum are left out.
        splits: int8 array of shape (n,): the number of each image's split, ascending; 0 is the
            training split.

    Returns:
        Images much like an earlier one of their split, and images of other splits much like a
        training image.
    """
    # The products are small: more threads take longer, most of all where others need the cores.
    with threadpool_limits(1, user_api="blas"):
        within, across = _most_alike(prints, splits)
    return _confirmed(read, within), _confirmed(read, across)


def _most_alike(
    prints: Fingerprints, splits: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a key an image: how alike the most alike earlier one is, and its row; else 0.

    The first array is about images of the same split, the second about those of the first.
    """
    within, across = np.zeros((2, len(splits)), dtype=np.int64)
    # Shuffled, so that among equal hashes those of all splits stand side by side.
    rows = np.random.default_rng(0).permutation(np.flatnonzero(prints.spectra.any(axis=1)))
    for turn in _TURNS:
        order = rows[np.argsort(_turned(prints.hashes[rows], turn), kind="stable")]
        for start in range(0, len(order), _REACH):
            earlier, later, alike = _compare(order[start : start + 2 * _REACH], prints.spectra)
            keys = (np.rint(alike * _STEPS).astype(np.int64) << _SHIFT) - earlier
            same = splits[earlier] == splits[later]
            _raise(within, later[same], keys[same])
            train = ~same & (splits[earlier] == 0)
            _raise(across, later[train], keys[train])
    return within, across


def _raise(best: NDArray[np.int64], rows: Rows, keys: NDArray[np.int64]) -> None:
    """Put the larger keys in place; where very many images are alike, hardly any is larger."""
    larger = keys > best[rows]
    np.maximum.at(best, rows[larger], keys[larger])


def _compare(rows: Rows, spectra: NDArray[np.int8]) -> tuple[Rows, Rows, NDArray[np.float32]]:
    """Compare the first images with all; return earlier row, later row, likeness of what is."""
    vectors = spectra[rows].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors[:_REACH] @ vectors.T
    first, second = np.divmod(np.flatnonzero(alike >= _COARSELY_ALIKE), len(rows))
    kept = first < second  # each pair once, and no image with itself
    first, second = first[kept], second[kept]
    one, other = rows[first], rows[second]
    return np.minimum(one, other), np.maximum(one, other), alike[first, second]


def _turned(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    """Bring other bits to the front; those that stood there go to the end."""
    return (hashes << np.uint64(bits)) | (hashes >> np.uint64(64 - bits)) if bits else hashes


def _confirmed(read: ReadImages, keys: NDArray[np.int64]) -> Pairs:
    """Keep the pairs whose pixels are alike."""
    rows = np.flatnonzero(keys)
    others = -keys[rows] % (1 << _SHIFT)
    if not len(rows):
        return Pairs(rows, others)
    block = max(1, _BLOCK_BYTES // math.prod(read(rows[:1]).shape))
    kept = np.concatenate(
        [
            correlation(read(rows[start : start + block]), read(others[start : start + block]))
            >= ALIKE
            for start in range(0, len(rows), block)
        ]
    )
    return Pairs(rows[kept], others[kept])


def correlation(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Correlate the pixels of images, pair by pair (Pearson).

    Args:
        images: uint8 array of shape (m, height, width, channels).
        others: The same.

    Returns:
        float64 array of shape (m,), -1 to 1; 0 where an image is blank.
    """
    one, other = (
        pixels - pixels.mean(axis=1, keepdims=True)
        for pixels in (each.reshape(len(each), -1).astype(np.float64) for each in (images, others))
    )
    together, first, second = (
        np.einsum("np,np->n", a, b) for a, b in ((one, other), (one, one), (other, other))
    )
    scale = np.sqrt(first * second)
    found: NDArray[np.float64] = together / np.where(scale > 0, scale, np.inf)
    return found
