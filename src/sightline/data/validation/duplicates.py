"""Find images with equal pixels by their digests."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Pairs(NamedTuple):
    """Images, each with another one that it was matched with."""

    rows: Rows  # int64 array of shape (m,): rows of the label table, ascending
    others: Rows  # int64 array of shape (m,): the row of the other image


class EqualImages:
    """The images of a data set whose pixels equal those of another one."""

    def __init__(self, digests: NDArray[np.bytes_], splits: NDArray[np.int8]) -> None:
        """Group equal images by their digests, in the order of the label table.

        `splits`, int8 of shape (n,), is the number of each image's split, ascending; 0 is training.
        """
        _, groups, counts = np.unique(digests, return_inverse=True, return_counts=True)
        self._rows: Rows = np.flatnonzero(counts[groups] > 1)
        self._groups = groups[self._rows]
        self._splits = splits[self._rows]
        self._first = _first_of_each(self._groups)

    @property
    def repeated(self) -> Rows:
        """Rows of all but the first image of each group."""
        found: Rows = self._rows[self._first != np.arange(len(self._rows))]
        return found

    def within_splits(self) -> Pairs:
        """Match images with the first equal one of their split."""
        first = _first_of_each(self._groups * np.iinfo(np.int8).max + self._splits)
        return self._pairs(first != np.arange(len(first)), first)

    def across_splits(self) -> Pairs:
        """Match images with the first equal one, if that is of an earlier split."""
        return self._pairs(self._splits[self._first] < self._splits, self._first)

    def with_other_labels(self, labels: NDArray[np.int16]) -> Pairs:
        """Match images with the first equal one that has another label, of n int16 labels."""
        own = labels[self._rows]
        differing = np.flatnonzero(own != own[self._first])
        others = np.full(len(own), -1)
        # In reverse, so that the first image with another label than the head is assigned last.
        others[self._first[differing[::-1]]] = differing[::-1]
        others = others[self._first]
        others[differing] = self._first[differing]
        return self._pairs(others >= 0, others)

    def _pairs(self, chosen: NDArray[np.bool_], others: Rows) -> Pairs:
        """Convert positions among the equal images to rows."""
        return Pairs(self._rows[chosen], self._rows[others[chosen]])


def _first_of_each(groups: NDArray[Any]) -> Rows:
    """Return, for each position, the first position of the same group."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return first[inverse]
