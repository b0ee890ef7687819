"""How the weights are fitted."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.config.base import Section, Seed


class Augmentation(Section):
    """Random changes of the training images, new ones in each epoch; 0 leaves a change out."""

    rotation: float = Field(
        default=0.0, ge=0, le=0.5, description="Largest rotation, as a share of a full turn."
    )
    translation: float = Field(
        default=0.0, ge=0, le=1, description="Largest shift, as a share of height and width."
    )
    zoom: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Largest change of height and, drawn apart, of width, as a share of it.",
    )
    shear: float = Field(
        default=0.0, ge=0, le=1, description="Largest slant, as columns moved a row."
    )
    elastic: float = Field(
        default=0.0,
        ge=0,
        le=0.25,
        description="Standard deviation of a smooth displacement, as a share of height and width.",
    )


class TrainingConfig(Section):
    """How the weights are fitted."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {"deployment", "checkpoint_seconds", "checkpoint_steps"}
    )

    augmentation: Augmentation = Augmentation()
    epochs: int = Field(
        ge=1, le=10_000, description="Passes over the training split, or over examples_per_epoch."
    )
    examples_per_epoch: int | None = Field(
        default=None,
        ge=1,
        description="Training images an epoch: fewer than there are, drawn anew each time, or more "
        "than there are, in several passes. Unset: each once.",
    )
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Images a step.")
    ghost_batches: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Parts of a batch that go through the network side by side, each on cores of "
        "its own; normalised layers look at a part alone. Two are faster where the network is "
        "small.",
    )
    steps_per_execution: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Steps that the device takes between two looks at the clock, at a checkpoint "
        "that is due, and at a wish to stop. More are faster where a step is short.",
    )
    optimizer: Literal["adam"] = Field(default="adam", description="Keras' name of the optimizer.")
    learning_rate: float = Field(default=0.001, gt=0, le=100, description="Adam's step size.")
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of each kernel that a step takes away, times the learning rate (AdamW).",
    )
    schedule: Literal["constant", "cosine", "one-cycle"] = Field(
        default="constant",
        description='"cosine" lowers the learning rate to zero over the training, step by step; '
        '"one-cycle" raises it from zero in the first quarter, then does the same.',
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32",
        description='What the layers compute in; the weights are float32. "auto": bfloat16 where '
        "the device computes in it, else float32.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of each label that is spread over all classes in the training loss.",
    )
    seed: Seed = Field(default=0, description="Seed of the initial weights and of the shuffling.")
    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description='"gpu" fails where there is none; "auto" takes what is there.'
    )
    deterministic: bool | None = Field(
        default=None,
        description="Whether equal inputs give equal bytes, whatever it costs. "
        "Unset: on a CPU, not on a GPU.",
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description='Which weights to keep: the last, or those of the epoch with the "best" '
        "(lowest) validation loss, which needs preprocessing.validation_fraction.",
    )
    checkpoint_seconds: float = Field(
        default=10.0,
        ge=0,
        le=86_400,
        description="Seconds between two checkpoints; more where writing one is slow.",
    )
    checkpoint_steps: int | None = Field(
        default=None,
        ge=1,
        description="Write a checkpoint every so many steps instead of every so many seconds.",
    )
    deployment: str | None = Field(
        default=None,
        pattern=r"^[^/\s]+/[^/\s]+$",
        description='Prefect deployment that fits the weights, such as "fit/fit-gpu". '
        "Unset: they are fitted where the run is.",
    )
