"""Find images with equal pixels by their digests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Pairs(NamedTuple):
    """Images, each with another one that it was matched with.

    Attributes:
        rows: int64 array of shape (m,): rows of the label table, ascending.
        others: int64 array of shape (m,): the row of the other image.
    """

    rows: Rows
    others: Rows


class EqualImages:
    """The images of a data set whose pixels equal those of another one."""

    def __init__(self, digests: NDArray[np.bytes_], splits: NDArray[np.int8]) -> None:
        """Group equal images.

        Args:
            digests: Array of shape (n,) in the order of the label table.
            splits: int8 array of shape (n,): the number of each image's split, ascending; 0 is
                the training split.
        """
        order = np.argsort(digests, kind="stable")
        ordered = digests[order]
        starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        shared = ~starts | ~np.append(starts[1:], True)
        self._rows: Rows = order[shared]
        self._starts: Mask = starts[shared]
        self._splits = splits[self._rows]

    @property
    def repeated(self) -> Rows:
        """Rows of all but the first image of each group."""
        return np.sort(self._rows[~self._starts])

    def within_splits(self) -> Pairs:
        """Match images with the first equal one of their split."""
        starts = self._starts | (np.diff(self._splits, prepend=-1) != 0)
        return self._pairs(~starts, _run_starts(starts))

    def across_splits(self) -> Pairs:
        """Match images of other splits with the first equal training image."""
        heads = _run_starts(self._starts)
        return self._pairs((self._splits != 0) & (self._splits[heads] == 0), heads)

    def with_other_labels(self, labels: NDArray[np.int16]) -> Pairs:
        """Match images with the first equal one that has another label.

        Args:
            labels: int16 array of shape (n,) in the order of the label table.
        """
        heads = _run_starts(self._starts)
        own = labels[self._rows]
        differing = np.flatnonzero(own != own[heads])
        groups, first = np.unique(heads[differing], return_index=True)
        contradiction = dict(zip(groups.tolist(), differing[first].tolist(), strict=True))
        others = heads.copy()
        same = np.flatnonzero((own == own[heads]) & np.isin(heads, groups))
        others[same] = [contradiction[head] for head in heads[same].tolist()]
        return self._pairs(np.isin(heads, groups), others)

    def _pairs(self, chosen: Mask, others: Rows) -> Pairs:
        """Convert positions among the shared images to rows."""
        rows = self._rows[chosen]
        order = np.argsort(rows)
        return Pairs(rows[order], self._rows[others[chosen]][order])


def _run_starts(starts: Mask) -> Rows:
    """Return, for each position, where its run started."""
    return np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
