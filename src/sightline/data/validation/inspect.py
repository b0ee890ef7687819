"""Inspect images while ingest writes them, and report what is unusual about them.

One pass over the pixels computes the profile of each split, and per image a digest, a fingerprint
and whether it is blank or saturated: about 80 bytes. Only near duplicates are read again.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.validation.duplicates import EqualImages, Rows
from sightline.data.validation.findings import ExampleIndex, FindingRows, write_findings
from sightline.data.validation.near_duplicates import (
    Fingerprints,
    find_near_duplicates,
    fingerprints,
    hamming_distances,
)
from sightline.data.validation.profile import Profiler
from sightline.pipeline.cache import Draft
from sightline.records import Inspection
from sightline.storage import npy

_FILE = "findings.parquet"
_PARTS = 8
"""Parts of a block that are converted to floats one by one."""

_BLACK, _WHITE = 5, 250
"""Values up to and from which a pixel counts as black and white; JPEG rarely hits 0 and 255."""

_SATURATED_SHARE = 0.99
_MAX_PIXEL = 255

Mask = NDArray[np.bool_]


class SplitInspector:
    """Inspects the images of one split, block by block.

    Attributes:
        path: NPY file that the images are written to.
        labels: int16 array of shape (n,).
        digests: S32 array of shape (n,): SHA-256 of the pixels of each image.
        prints: Fingerprints of the n images.
        blank: bool array of shape (n,); `saturated` likewise.
    """

    def __init__(self, path: Path, labels: NDArray[np.int16]) -> None:
        """Prepare for as many images as there are labels."""
        self.path = path
        self.labels = labels
        self.digests = np.zeros(len(labels), dtype=f"S{hashlib.sha256().digest_size}")
        self.prints = Fingerprints.empty(len(labels))
        self.blank, self.saturated = np.zeros((2, len(labels)), dtype=np.bool_)
        self.profiler = Profiler()
        self._row = 0

    def add(self, images: NDArray[np.uint8]) -> None:
        """Inspect the next images: uint8 array of shape (m, height, width, channels)."""
        if not len(images):
            return
        for part in np.array_split(np.ascontiguousarray(images), min(len(images), _PARTS)):
            rows = slice(self._row, self._row + len(part))
            self._row += len(part)
            self.profiler.add(part)
            self.digests[rows] = [hashlib.sha256(image.data).digest() for image in part]
            self.prints.hashes[rows], self.prints.spectra[rows] = fingerprints(part)
            self.blank[rows] = is_blank(part)
            self.saturated[rows] = is_saturated(part) & ~self.blank[rows]


def summarize(
    draft: Draft, inspectors: Mapping[str, SplitInspector], table: Path, classes: int
) -> Inspection:
    """Write the table of findings, and return profiles and numbers of affected images.

    Args:
        draft: The cache entry to write to.
        inspectors: Split name to its inspector, all images added; the training split first.
        table: The label table, in the same order.
        classes: Number of classes.
    """
    index = ExampleIndex(
        sizes={name: len(one.labels) for name, one in inspectors.items()},
        labels=np.concatenate([one.labels for one in inspectors.values()]),
        table=table,
    )
    found = list(_find(list(inspectors.values()), index))
    write_findings(draft.path(_FILE), found, index)
    return Inspection(
        profiles={
            name: one.profiler.profile(np.bincount(one.labels, minlength=classes).tolist())
            for name, one in inspectors.items()
        },
        affected={one.kind: index.count(one.rows) for one in found},
        findings=draft.record(_FILE),
    )


def is_blank(images: NDArray[np.uint8]) -> Mask:
    """Return which images have a single pixel value: bool array of shape (n,)."""
    flat = images.reshape(len(images), -1)
    found: Mask = flat.min(axis=1) == flat.max(axis=1)
    return found


def is_saturated(images: NDArray[np.uint8]) -> Mask:
    """Return which images are at least 99 % black, or at least 99 % white: bool of shape (n,)."""
    flat = images.reshape(len(images), -1)
    means = flat.mean(axis=1)
    found = np.zeros(len(flat), dtype=np.bool_)
    # The mean rules out nearly all images; only the pixels of the others are counted.
    dark = np.flatnonzero(means <= _SATURATED_SHARE * _BLACK + (1 - _SATURATED_SHARE) * _MAX_PIXEL)
    light = np.flatnonzero(means >= _SATURATED_SHARE * _WHITE)
    found[dark] = (flat[dark] <= _BLACK).mean(axis=1) >= _SATURATED_SHARE
    found[light] = (flat[light] >= _WHITE).mean(axis=1) >= _SATURATED_SHARE
    return found


def _find(inspectors: list[SplitInspector], index: ExampleIndex) -> Iterator[FindingRows]:
    """Yield the findings of each kind, in the order of `findings.KINDS`."""
    hashes = np.concatenate([one.prints.hashes for one in inspectors])
    spectra = np.concatenate([one.prints.spectra for one in inspectors])
    blank = np.concatenate([one.blank for one in inspectors])
    equal = EqualImages(np.concatenate([one.digests for one in inspectors]), index.splits)
    spectra[equal.repeated] = 0  # the first of equal images stands for all
    spectra[blank] = 0

    near_duplicates, near_leaks = find_near_duplicates(
        lambda rows: _read(inspectors, index, rows), Fingerprints(hashes, spectra), index.splits
    )
    pairs = {
        "leak": equal.across_splits(),
        "conflict": equal.with_other_labels(index.labels),
        "near_leak": near_leaks,
        "duplicate": equal.within_splits(),
        "near_duplicate": near_duplicates,
    }
    for kind, (rows, others) in pairs.items():
        yield FindingRows(kind, rows, others, hamming_distances(hashes[rows], hashes[others]))
    yield FindingRows("blank", np.flatnonzero(blank))
    saturated = np.concatenate([one.saturated for one in inspectors])
    yield FindingRows("saturated", np.flatnonzero(saturated))


def _read(inspectors: list[SplitInspector], index: ExampleIndex, rows: Rows) -> NDArray[np.uint8]:
    """Read the images of some rows from the files."""
    splits, positions = index.splits[rows], index.positions(rows)
    parts = [
        npy.read_rows(one.path, positions[splits == number])
        for number, one in enumerate(inspectors)
    ]
    pixels = np.empty((len(rows), *parts[0].shape[1:]), dtype=np.uint8)
    for number, part in enumerate(parts):
        pixels[splits == number] = part
    return pixels
