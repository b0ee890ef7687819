"""Inspect images while ingest writes them, and report what is unusual about them.

One pass over the pixels computes the profile of each split, and per image a digest, a fingerprint
and whether it is blank or saturated: about 80 bytes. Only near duplicates are read again.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import DIGEST, digests_of
from sightline.data.validation.duplicates import EqualImages, Rows
from sightline.data.validation.findings import ExampleIndex, FindingRows, write_findings
from sightline.data.validation.near_duplicates import (
    SPECTRUM,
    Fingerprints,
    ReadImages,
    find_near_duplicates,
    fingerprints,
    hamming_distances,
)
from sightline.data.validation.profile import Profiler, Sums, pixel_sums
from sightline.pipeline.cache import Draft
from sightline.records import Inspection

_FILE = "findings.parquet"
_PARTS = 8  # Parts of a block that are converted to floats one by one
_BLACK, _WHITE = 5, 250
"""Values up to and from which a pixel counts as black and white; JPEG rarely hits 0 and 255."""

_SATURATED_SHARE = 0.99
_MAX_PIXEL = 255

Mask = NDArray[np.bool_]


class ImageInspector:
    """Inspects the images of all splits, block by block."""

    def __init__(self, index: ExampleIndex, read: Mapping[str, ReadImages]) -> None:
        """Prepare for the examples of `index`; `read` reads written images of each split."""
        count = len(index.labels)
        # SHA-256 of the pixels of each image, split after split, shape (n,)
        self.digests = np.zeros(count, DIGEST)
        self._index = index
        self._read_split = read
        self._prints = Fingerprints(
            np.zeros(count, np.uint64), np.zeros((count, SPECTRUM), np.int8)
        )
        self._blank, self._saturated = np.zeros((2, count), dtype=np.bool_)
        self._profilers = {name: Profiler() for name in read}
        self._next_row = dict(zip(read, index.starts.tolist(), strict=True))

    def add(self, split: str, images: NDArray[np.uint8]) -> None:
        """Inspect the next images of a split: uint8 of shape (m, height, width, channels)."""
        if not len(images):
            return
        sums = pixel_sums(images)
        self._profilers[split].add(images, sums)
        count = min(len(images), _PARTS)
        parts = np.array_split(images, count), np.array_split(sums, count)
        for part, own_sums in zip(*parts, strict=True):
            rows = slice(self._next_row[split], self._next_row[split] + len(part))
            self._next_row[split] = rows.stop
            self.digests[rows] = digests_of(part)
            self._prints.hashes[rows], self._prints.spectra[rows] = fingerprints(part)
            self._blank[rows] = is_blank(part)
            self._saturated[rows] = is_saturated(part, own_sums) & ~self._blank[rows]

    def summarize(self, draft: Draft, counts: Mapping[str, Sequence[int]]) -> Inspection:
        """Write the table of findings; return profiles and numbers of affected images.

        `counts` is the number of images of each class, by split.
        """
        found = list(self._find())
        write_findings(draft.path(_FILE), found, self._index)
        return Inspection(
            profiles={name: one.profile(counts[name]) for name, one in self._profilers.items()},
            affected={one.kind: self._index.count(one.rows) for one in found},
            findings=draft.record(_FILE),
        )

    def _find(self) -> Iterator[FindingRows]:
        """Yield the findings of each kind, in the order of `findings.KINDS`."""
        hashes, spectra = self._prints
        equal = EqualImages(self.digests, self._index.splits)
        spectra[equal.repeated] = 0  # the first of equal images stands for all
        spectra[self._blank] = 0
        near_duplicates, near_leaks = find_near_duplicates(
            self._read, self._prints, self._index.splits
        )
        pairs = {
            "leak": equal.across_splits(),
            "conflict": equal.with_other_labels(self._index.labels),
            "near_leak": near_leaks,
            "duplicate": equal.within_splits(),
            "near_duplicate": near_duplicates,
        }
        for kind, (rows, others) in pairs.items():
            yield FindingRows(kind, rows, others, hamming_distances(hashes[rows], hashes[others]))
        yield FindingRows("blank", np.flatnonzero(self._blank))
        yield FindingRows("saturated", np.flatnonzero(self._saturated))

    def _read(self, rows: Rows) -> NDArray[np.uint8]:
        """Read the images of some rows from the files."""
        splits, positions = self._index.splits[rows], self._index.positions(rows)
        parts = [
            read(positions[splits == number])
            for number, read in enumerate(self._read_split.values())
        ]
        pixels = np.empty((len(rows), *parts[0].shape[1:]), dtype=np.uint8)
        for number, part in enumerate(parts):
            pixels[splits == number] = part
        return pixels


def is_blank(images: NDArray[np.uint8]) -> Mask:
    """Return which images have a single pixel value: bool array of shape (n,)."""
    flat = images.reshape(len(images), -1)
    found: Mask = flat.min(axis=1) == flat.max(axis=1)
    return found


def is_saturated(images: NDArray[np.uint8], sums: Sums) -> Mask:
    """Return which images are at least 99 % black, or at least 99 % white: bool of shape (n,).

    `sums` are their `pixel_sums`.
    """
    flat = images.reshape(len(images), -1)
    means = sums / flat.shape[1]
    found = np.zeros(len(flat), dtype=np.bool_)
    # The mean rules out nearly all images; only the pixels of the others are counted.
    dark = np.flatnonzero(means <= _SATURATED_SHARE * _BLACK + (1 - _SATURATED_SHARE) * _MAX_PIXEL)
    light = np.flatnonzero(means >= _SATURATED_SHARE * _WHITE)
    found[dark] = (flat[dark] <= _BLACK).mean(axis=1) >= _SATURATED_SHARE
    found[light] = (flat[light] >= _WHITE).mean(axis=1) >= _SATURATED_SHARE
    return found
