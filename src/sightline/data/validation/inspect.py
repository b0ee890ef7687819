"""Inspect images while ingest writes them, and report what is unusual about them.

One pass over the pixels computes the profile of each split, and per image a digest, a fingerprint
and whether it is blank or saturated: about 80 bytes. Only near duplicates are read again.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import DIGEST
from sightline.data.validation.duplicates import EqualImages, Rows
from sightline.data.validation.examination import Examined, examine
from sightline.data.validation.findings import ExampleIndex, FindingRows, write_findings
from sightline.data.validation.near_duplicates import (
    SPECTRUM,
    Fingerprints,
    ReadImages,
    find_near_duplicates,
    hamming_distances,
)
from sightline.data.validation.profile import Profiler
from sightline.pipeline.cache import Draft
from sightline.records import Inspection

_FILE = "findings.parquet"


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
        examined = examine(images)
        self._profilers[split].add(images, examined["sum"])
        self._keep(split, examined)

    def add_examined(self, split: str, rows: Examined) -> None:
        """Add the next images of a split as a shard has them: an array of `examination.ROW`."""
        histogram = rows["histogram"].sum(axis=0, dtype=np.int64)
        self._profilers[split].add_histogram(histogram, rows["sum"])
        self._keep(split, rows)

    def _keep(self, split: str, examined: Examined) -> None:
        rows = slice(self._next_row[split], self._next_row[split] + len(examined))
        self._next_row[split] = rows.stop
        self.digests[rows] = examined["pixels"]
        self._prints.hashes[rows] = examined["hash"]
        self._prints.spectra[rows] = examined["spectrum"]
        self._blank[rows], self._saturated[rows] = examined["blank"], examined["saturated"]

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
