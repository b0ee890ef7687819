"""Split examples so that both sides have the same share of every class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.readers.base import RawDataset, RawSplit
from sightline.errors import DataError


@dataclass(frozen=True)
class Split:
    """A split of the ingested data: some or all examples of a raw split."""

    name: str  # "train", "validation" or "test"
    raw: RawSplit  # Split of the source
    # bool array of shape (n,), true for the examples of `raw` in this split
    selected: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of examples."""
        return int(self.selected.sum())

    @property
    def labels(self) -> NDArray[np.int16]:
        """Labels of the examples."""
        return self.raw.labels[self.selected].astype(np.int16)

    def counts(self, classes: int) -> tuple[int, ...]:
        """Return the number of examples of each class."""
        return tuple(np.bincount(self.labels, minlength=classes).tolist())


def roles(names: Sequence[str]) -> dict[str, str]:
    """Map the splits of a source to those of the ingested data.

    In a source with a training and a validation split only, the latter is the test split.
    """
    is_test = "validation" in names and "test" not in names
    return {name: "test" if is_test and name == "validation" else name for name in names}


def divide(raw: RawDataset, settings: DataConfig) -> list[Split]:
    """Return the splits, training first; set a test split aside if the source has no other one."""
    names = roles([one.name for one in raw.splits])
    source, *others = (
        Split(names[one.name], one, np.ones(len(one.labels), bool)) for one in raw.splits
    )
    if any(split.name == "test" for split in others):
        return [source, *others]
    train = source.raw
    test = stratified_sample(
        train.labels, raw.class_names, settings.test_fraction, settings.seed, "test"
    )
    return [Split("train", train, ~test), *others, Split("test", train, test)]


def stratified_sample(
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    fraction: float,
    seed: int,
    split: str,
) -> NDArray[np.bool_]:
    """Draw a share of the examples of each class, in (0, 1), at random.

    Unlike scikit-learn's stratified splits, this keeps every class on both sides even if its
    share rounds to nothing. `labels` has the shape (n,) and values from 0 to `num_classes` - 1.
    Returns a bool array of shape (n,), true for the drawn examples. Raises DataError, naming class
    and `split`, if a class has a single example.
    """
    check_counts(np.bincount(labels, minlength=len(class_names)).tolist(), class_names, split)
    drawn = np.zeros(len(labels), dtype=np.bool_)
    generator = np.random.default_rng(seed)
    for label in range(len(class_names)):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            count = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
            drawn[generator.choice(rows, count, replace=False, shuffle=False)] = True
    return drawn


def check_counts(counts: Sequence[int], class_names: Sequence[str], split: str) -> None:
    """Raise DataError if a class has a single example, which cannot be on both sides of a split."""
    for name, count in zip(class_names, counts, strict=True):
        if count == 1:
            raise DataError(
                f"The class {name!r} has a single example, which cannot be in both the training "
                f"and the {split} split; add another, or remove the class."
            )
