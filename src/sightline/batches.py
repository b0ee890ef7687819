"""Shuffled batches: what a training step sees is a function of (seed, epoch, step) alone."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.arrays import open_mapped
from sightline.records import ArraySplit


class Batches(keras.utils.PyDataset):
    """Batches from memory-mapped arrays; the order depends on (seed, epoch) alone."""

    def __init__(
        self,
        root: Path,
        split: ArraySplit,
        batch_size: int,
        seed: int | None,
        first_step: int = 0,
        examples: int | None = None,
    ) -> None:
        """Open the arrays.

        Args:
            root: The artifacts root.
            split: The arrays.
            batch_size: Examples a batch; the last batch may be smaller.
            seed: Seed of the order; None keeps the stored order.
            first_step: The batch to begin with, counted from 0; those before it are left out.
            examples: Examples of a shuffled epoch; each once unless told. More than there are
                take several passes, each in an order of its own.
        """
        super().__init__()
        self._images = open_mapped(root / split.images.path)
        self._labels = open_mapped(root / split.labels.path)
        self._batch_size = batch_size
        self._seed = seed
        self._first_step = first_step
        self._examples = examples or len(self._images)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        count = len(self._images)
        if self._seed is None:
            self._order = np.arange(count)
            return
        chance = np.random.default_rng([self._seed, epoch])
        passes = [chance.permutation(count) for _ in range(-(-self._examples // count))]
        self._order = np.concatenate(passes)[: self._examples]

    @property
    def num_batches(self) -> int:
        """Batches that are left of an epoch."""
        return steps_per_epoch(self._examples, self._batch_size) - self._first_step

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return float32 images (m, height, width, channels) and one-hot labels (m, classes)."""
        start = (self._first_step + index) * self._batch_size
        rows = self._order[start : start + self._batch_size]
        return self._images[rows], self._labels[rows]


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Count the batches of a whole epoch; the last one may be smaller."""
    return -(-examples // batch_size)
