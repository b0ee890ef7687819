"""What ingest looks for in the images that it wrote, whatever anybody thinks of it.

One pass over the pixels gives the profiles and a fingerprint an image; after that, only images
that may look alike are read once more. About eighty bytes an image are held.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.validation import exposure, findings
from sightline.data.validation import near_duplicates as lookalikes
from sightline.data.validation.duplicates import EqualImages, Rows
from sightline.data.validation.findings import Examples, Found
from sightline.data.validation.perceptual_hash import Fingerprints, differing_bits, fingerprints
from sightline.data.validation.profile import Profiler
from sightline.pipeline.cache import Draft
from sightline.records import Inspection, SplitProfile
from sightline.storage import npy

_FILE = "findings.parquet"
_PARTS = 8
"""How many parts of a block are looked at one by one."""

Counts = Mapping[str, Sequence[int]]


def inspect(
    draft: Draft,
    images: Mapping[str, Path],
    labels: NDArray[np.int16],
    digests: NDArray[np.bytes_],
    counts: Counts,
    table: Path,
) -> Inspection:
    """Look at all images and write the table of what is odd about some of them.

    Args:
        draft: Where the table goes.
        images: Split name to its uint8 NPY file; the training split first.
        labels: int16 array of shape (n,): the labels, split after split in this order.
        digests: Array of n byte strings in the same order; equal for equal pixels alone.
        counts: Split name to the number of images of each class.
        table: The label table, in the same order.

    Returns:
        Profiles, and how many images of each split are concerned.
    """
    sizes = {split: sum(of_split) for split, of_split in counts.items()}
    splits = np.repeat(np.arange(len(sizes), dtype=np.int8), list(sizes.values()))
    examples = Examples(tuple(sizes), tuple(sizes.values()), splits, labels, table)
    equal = EqualImages(digests, splits)
    look = _Look(images, counts)
    found = list(_find(look, equal, examples))
    findings.write(draft.path(_FILE), found, examples)
    return Inspection(
        profiles=look.profiles,
        affected={each.kind: examples.count(each.rows) for each in found},
        findings=draft.record(_FILE),
    )


class _Look:
    """One pass over the images: profiles, fingerprints, and which of them show nothing."""

    def __init__(self, images: Mapping[str, Path], counts: Counts) -> None:
        total = sum(sum(of_split) for of_split in counts.values())
        self.prints = Fingerprints.empty(total)
        self.blank, self.saturated = np.zeros((2, total), dtype=np.bool_)
        self.profiles: dict[str, SplitProfile] = {}
        self._images = images
        row = 0
        for split, path in images.items():
            profiler = Profiler()
            for part in _parts(path):
                profiler.add(part)
                self._add(slice(row, row + len(part)), part)
                row += len(part)
            self.profiles[split] = profiler.profile(counts[split])

    def _add(self, rows: slice, images: NDArray[np.uint8]) -> None:
        self.blank[rows] = exposure.blank(images)
        self.saturated[rows] = exposure.saturated(images) & ~self.blank[rows]
        self.prints.hashes[rows], self.prints.spectra[rows] = fingerprints(images)
        self._shape = images.shape[1:]

    def again(self, examples: Examples, rows: Rows) -> NDArray[np.uint8]:
        """Read the images of some rows once more."""
        pixels = np.empty((len(rows), *self._shape), dtype=np.uint8)
        splits, indexes = examples.splits[rows], examples.indexes(rows)
        for number, path in enumerate(self._images.values()):
            chosen = splits == number
            pixels[chosen] = npy.read_rows(path, indexes[chosen])
        return pixels


def _parts(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Read images in parts that stay small when they become floats."""
    for block in npy.read_blocks(path):
        yield from np.array_split(block, min(len(block), _PARTS))


def _find(look: _Look, equal: EqualImages, examples: Examples) -> Iterator[Found]:
    """Yield what there is of each kind, in the order of `findings.KINDS`."""
    hashes, spectra = look.prints
    spectra[equal.repeated] = 0  # of equal images the first stands for all
    spectra[look.blank] = 0
    near_duplicates, near_leaks = lookalikes.find(
        lambda rows: look.again(examples, rows), look.prints, examples.splits
    )
    pairs = {
        "leak": equal.across_splits(),
        "conflict": equal.with_other_labels(examples.labels),
        "near_leak": near_leaks,
        "duplicate": equal.within_splits(),
        "near_duplicate": near_duplicates,
    }
    for kind, (rows, others) in pairs.items():
        yield Found(kind, rows, others, differing_bits(hashes[rows], hashes[others]))
    yield Found("blank", np.flatnonzero(look.blank))
    yield Found("saturated", np.flatnonzero(look.saturated))
