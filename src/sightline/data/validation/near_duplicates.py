"""Find similar images without comparing all pairs.

Each image has a perceptual hash, a form of "pHash" (C. Zauner, "Implementation and benchmarking
of perceptual image hash functions", 2010): the 8x8 lowest frequencies of its cosine transform
(DCT-II), one bit each. Unlike there, images are not resized, since the lowest frequencies mean
the same at every size, and a bit is set above a quarter of the mean magnitude instead of the
median, so that frequencies missing from an image do not flip at random.

Images are sorted by hash and each is compared with the next 128, in four orders that each start
with another 16 bits of the hash (sorted tables of permuted hashes as in G. Manku, A. Jain, A. Das
Sarma, "Detecting near-duplicates for web crawling", 2007). Hashes that differ in at most three
bits share one of these four parts, so they meet unless more than 128 images share it. There are
at most 512 comparisons per image, whatever the images are.

Images are compared by their lowest frequencies. For each, only the most similar earlier image is
kept, and the correlation of the pixels of that pair decides.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightline.data.validation.duplicates import Pairs, Rows

Floats = NDArray[np.float32]
ReadImages = Callable[[Rows], NDArray[np.uint8]]

MIN_CORRELATION = 0.985  # Pixels of near duplicates correlate at least this much
# Pairs whose lowest frequencies are less similar are not compared by pixels; versions of an image
# differ mostly in the fine details
_MIN_SIMILARITY = 0.99
_NEIGHBOURS = 128  # Each image is compared with at least this many successors in each order
# Similarity is rounded to this many steps, so that ties do not depend on rounding errors
_SIMILARITY_STEPS = 1 << 20
_BLOCK_BYTES = 1 << 18
_SIDE = 8
SPECTRUM = 32  # frequencies kept to compare images by
_DEAD_ZONE = 0.25
_ROUNDING = 1e-6  # Frequencies below this share of the image's magnitude are rounding errors
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_COARSE_FIRST = sorted(range(_SIDE**2), key=lambda place: (sum(divmod(place, _SIDE)), place))
"""Positions in the 8x8 square, lowest frequency first; the very first is the mean."""


class Fingerprints(NamedTuple):
    """Fingerprints of n images."""

    hashes: NDArray[np.uint64]  # uint64 array of shape (n,); the lowest frequency is the first bit
    # int8 array of shape (n, 32): the lowest frequencies, scaled to a maximum of 127; all zero if
    # the image has none
    spectra: NDArray[np.int8]


def fingerprints(images: NDArray[np.uint8]) -> Fingerprints:
    """Compute fingerprints, which ignore brightness and nearly ignore contrast.

    The images are uint8 of shape (n, height, width, channels) with 1 or 3 channels.
    """
    height, width = images.shape[1:3]
    pixels = images.astype(np.float32)
    grey = pixels[..., 0] if images.shape[-1] == 1 else pixels @ _LUMA
    square = _cosines(height) @ grey @ _cosines(width).T
    frequencies = np.take(square.reshape(len(images), -1), _COARSE_FIRST, axis=1)
    frequencies[np.abs(frequencies) < _ROUNDING * frequencies[:, :1]] = 0
    frequencies[:, 0] = 0
    magnitudes = np.abs(frequencies)
    bits = frequencies > _DEAD_ZONE * magnitudes.mean(axis=1, keepdims=True)
    hashes = np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
    largest = np.maximum(magnitudes[:, :SPECTRUM].max(axis=1, keepdims=True), 1e-9)
    spectra = np.rint(127 * frequencies[:, :SPECTRUM] / largest).astype(np.int8)
    return Fingerprints(hashes, spectra)


def hamming_distances(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> Rows:
    """Count the bits in which hashes differ, pair by pair: 0 to 64."""
    counted: NDArray[Any] = np.bitwise_count(hashes ^ others)
    return counted.astype(np.int64)


def find_near_duplicates(
    read: ReadImages, prints: Fingerprints, splits: NDArray[np.int8]
) -> tuple[Pairs, Pairs]:
    """Find images similar to an earlier one of their split, and others similar to a training image.

    Args:
        read: Returns the images of some rows: uint8 of shape (m, height, width, channels).
        prints: Fingerprints of all n images; those without a spectrum are skipped.
        splits: int8 array of shape (n,): number of the split, ascending; 0 is the training split.
    """
    # The matrix products are small: more threads are slower, especially on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        within, across = _match(prints, splits)
    return _confirm(read, within), _confirm(read, across)


def correlation(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Compute the Pearson correlation of the pixels of m pairs of images.

    Returns a float64 array of shape (m,), -1 to 1; 0 if an image is blank.
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


class _BestMatches:
    """The most similar earlier image of each image, of equally similar ones the first."""

    def __init__(self, count: int) -> None:
        self.similarity = np.zeros(count, dtype=np.int32)
        self.others = np.zeros(count, dtype=np.int64)

    def update(self, rows: Rows, others: Rows, similarity: NDArray[np.int32]) -> None:
        known, other = self.similarity[rows], self.others[rows]
        better = (similarity > known) | ((similarity == known) & (others < other))
        rows, others, similarity = rows[better], others[better], similarity[better]
        order = np.lexsort((-others, similarity))  # of a repeated row, the last assignment counts
        self.similarity[rows[order]] = similarity[order]
        self.others[rows[order]] = others[order]


def _match(prints: Fingerprints, splits: NDArray[np.int8]) -> tuple[_BestMatches, _BestMatches]:
    """Match images with earlier ones of their own split, and with training images."""
    within, across = _BestMatches(len(splits)), _BestMatches(len(splits))
    # Shuffled, so that images with equal hashes are mixed across splits.
    rows = np.random.default_rng(0).permutation(np.flatnonzero(prints.spectra.any(axis=1)))
    parts = prints.hashes[rows].astype(">u8").view(">u2").reshape(-1, 4)
    for first in range(4):
        order = rows[np.lexsort(np.roll(parts, -first, axis=1).T[::-1])]
        for start in range(0, len(order), _NEIGHBOURS):
            earlier, later, similarity = _compare(
                order[start : start + 2 * _NEIGHBOURS], prints.spectra
            )
            same = splits[earlier] == splits[later]
            within.update(later[same], earlier[same], similarity[same])
            train = ~same & (splits[earlier] == 0)
            across.update(later[train], earlier[train], similarity[train])
    return within, across


def _compare(rows: Rows, spectra: NDArray[np.int8]) -> tuple[Rows, Rows, NDArray[np.int32]]:
    """Compare the first images with all; return earlier row, later row and similarity of pairs."""
    vectors = spectra[rows].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors[:_NEIGHBOURS] @ vectors.T
    first, second = np.divmod(np.flatnonzero(similarity >= _MIN_SIMILARITY), len(rows))
    kept = first < second  # each pair once, and no image with itself
    first, second = first[kept], second[kept]
    one, other = rows[first], rows[second]
    steps = np.rint(similarity[first, second] * _SIMILARITY_STEPS).astype(np.int32)
    return np.minimum(one, other), np.maximum(one, other), steps


def _confirm(read: ReadImages, matches: _BestMatches) -> Pairs:
    """Keep the pairs whose pixels correlate."""
    rows = np.flatnonzero(matches.similarity)
    others = matches.others[rows]
    if not len(rows):
        return Pairs(rows, others)
    block = max(1, _BLOCK_BYTES // math.prod(read(rows[:1]).shape))
    correlations = [
        correlation(read(rows[start : start + block]), read(others[start : start + block]))
        for start in range(0, len(rows), block)
    ]
    kept = np.concatenate(correlations) >= MIN_CORRELATION
    return Pairs(rows[kept], others[kept])


@functools.lru_cache(maxsize=8)
def _cosines(length: int) -> Floats:
    """Return the first rows of the DCT-II matrix: float32 of shape (8, length)."""
    rows, places = np.arange(_SIDE), np.arange(length) + 0.5
    return np.cos(np.pi / length * np.outer(rows, places)).astype(np.float32)
