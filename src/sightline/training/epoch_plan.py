"""How an epoch is divided into batches."""

from dataclasses import dataclass, replace

from sightline.config import Augmentation, TrainingConfig
from sightline.errors import ConfigError
from sightline.records import ArraySplit


@dataclass(frozen=True)
class Shares:
    """How devices share the examples of each batch."""

    devices: int = 1  # Each gets as many examples
    mixed_apart: int = 1  # Parts of a batch whose images are mixed only with each other
    node: int = 0  # Number of this machine, which reads its part of each batch
    nodes: int = 1

    def even(self, examples: int) -> int:
        """Return the largest number of examples that can be shared equally.

        Raises ConfigError if there are fewer examples than devices.
        """
        if examples < self.devices:
            raise ConfigError(
                f"training.devices is {self.devices}, but a split or an epoch has {examples} "
                "images; use fewer devices."
            )
        return examples - examples % self.devices

    def of_node(self, examples: int) -> slice:
        """Return which examples of a batch this machine reads."""
        part = examples // self.nodes
        return slice(self.node * part, (self.node + 1) * part)


ALONE = Shares()


@dataclass(frozen=True)
class EpochPlan:
    """The batches of an epoch."""

    examples: int  # Examples of the epoch
    # Examples of a batch; the last batch may be smaller, or up to one less than `ghost_batches`
    # larger
    batch_size: int
    ghost_batches: int = 1  # Parts of a batch, at least one example each
    mixing: Augmentation | None = None  # With mixup or cutmix, or None
    shares: Shares = ALONE

    @classmethod
    def for_training(
        cls, split: ArraySplit, settings: TrainingConfig, shares: Shares = ALONE
    ) -> "EpochPlan":
        """Plan the epochs of a training on a split; each leaves out what cannot be shared."""
        examples = shares.even(settings.examples_per_epoch or split.count)
        ghost_batches = min(settings.ghost_batches, settings.batch_size, examples)
        changes = settings.augmentation
        mixing = changes if changes.mixup or changes.cutmix else None
        return cls(examples, settings.batch_size, ghost_batches, mixing, shares)

    def for_validation(self, split: ArraySplit) -> "EpochPlan":
        """Plan a pass over a validation split, with batches of the same form."""
        return replace(self, examples=self.shares.even(split.count))

    @property
    def steps(self) -> int:
        """Batches of the epoch; a rest with too few examples for its parts joins the last one."""
        return max(1, (self.examples + self.batch_size - self.ghost_batches) // self.batch_size)

    def batch(self, step: int) -> slice:
        """Return which examples of the epoch belong to a step, counted from 0."""
        start = step * self.batch_size
        return slice(start, start + self.batch_size if step < self.steps - 1 else self.examples)
