"""How an epoch is divided into batches."""

from dataclasses import dataclass, replace

from sightline.config import Augmentation, TrainingConfig
from sightline.records import ArraySplit


@dataclass(frozen=True)
class EpochPlan:
    """The batches of an epoch."""

    examples: int  # Examples of the epoch
    # Examples of a batch; the last batch may be smaller, or up to one less than `ghost_batches`
    # larger
    batch_size: int
    ghost_batches: int = 1  # Parts of a batch, at least one example each
    mixing: Augmentation | None = None  # With mixup or cutmix, or None

    @classmethod
    def for_training(cls, split: ArraySplit, settings: TrainingConfig) -> "EpochPlan":
        """Plan the epochs of a training on a split."""
        examples = settings.examples_per_epoch or split.count
        ghost_batches = min(settings.ghost_batches, settings.batch_size, examples)
        changes = settings.augmentation
        mixing = changes if changes.mixup or changes.cutmix else None
        return cls(examples, settings.batch_size, ghost_batches, mixing)

    def for_validation(self, split: ArraySplit) -> "EpochPlan":
        """Plan a pass over a validation split, with batches of the same form."""
        return replace(self, examples=split.count)

    @property
    def steps(self) -> int:
        """Batches of the epoch; a rest with too few examples for its parts joins the last one."""
        return max(1, (self.examples + self.batch_size - self.ghost_batches) // self.batch_size)

    def batch(self, step: int) -> slice:
        """Return which examples of the epoch belong to a step, counted from 0."""
        start = step * self.batch_size
        return slice(start, start + self.batch_size if step < self.steps - 1 else self.examples)
