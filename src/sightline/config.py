"""What a run is asked to do: immutable, checked, complete.

A recipe is a TOML file of these sections; a config file and `--set key=value` override
it in that order (see `sightline.recipes`). Every stage receives only the section that
it reads, so that a change elsewhere leaves its cache valid.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Side = Annotated[int, Field(ge=8, le=4096)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel):
    """One part of the config: frozen, and closed to unknown keys.

    Attributes:
        incidental: Fields that no stage computes with; they stay out of cache keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incidental: ClassVar[frozenset[str]] = frozenset()


class DataConfig(Section):
    """Which images to learn from, and how to read them.

    A stage knows the data set by the digest of its source, not by its name or path.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"dataset"})

    dataset: str = Field(
        default="mnist",
        min_length=1,
        description="Name of a data set (see `sightline datasets list`) or a path to your own.",
    )
    image_size: tuple[Side, Side] | None = Field(
        default=None,
        description="Height and width in pixels. Unset: kept where all images agree, else 64x64.",
    )
    channels: Literal[1, 3] | None = Field(
        default=None,
        description="1 for grey, 3 for RGB. Unset: as found; RGB where any image has colour.",
    )
    test_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class set aside for testing where the source has no test split.",
    )
    label_column: str = Field(
        default="label",
        min_length=1,
        description="Column of the labels in CSV and Parquet.",
    )
    image_column: str = Field(
        default="image",
        min_length=1,
        description="Column of the encoded images in Parquet.",
    )
    metadata_columns: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        max_length=20,
        description="Columns of CSV and Parquet that go into the label table as text, such as "
        "the camera or the site; see evaluation.slices.",
    )
    seed: Seed = Field(default=0, description="Seed of the train/test split.")


class PreprocessingConfig(Section):
    """How stored images become training arrays."""

    validation_fraction: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of each class of the training split held out for validation; 0: none.",
    )
    seed: Seed = Field(default=0, description="Seed of the train/validation split.")


class Convolution(Section):
    """One 3x3 convolution with "same" padding, followed by ReLU."""

    filters: int = Field(ge=1, le=4096)
    stride: int = Field(default=1, ge=1, le=4)
    normalized: bool = Field(
        default=False,
        description="Whether what it gives is normalised over the batch (zero mean, unit variance, "
        "then a learnt scale and shift in place of its bias).",
    )


class ModelConfig(Section):
    """The layers between the image and the class probabilities."""

    window: float = Field(
        default=1.0,
        ge=0.5,
        le=1,
        description="Share of the training pixels' variance, along the height and along the width, "
        "that the network looks at; borders without any are cut off. 1: all pixels.",
    )
    convolutions: tuple[Convolution, ...] = Field(
        min_length=1, max_length=64, description="The 3x3 convolutions, first to last."
    )
    dense_units: int = Field(
        ge=1, le=65536, description="Width of the hidden dense layer after the global pooling."
    )
    dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the hidden dense layer's values that each training step drops.",
    )


class Limit(Section):
    """What one check of the data gate lets pass, and what happens beyond."""

    limit: float = Field(ge=0, description="Largest measure that passes.")
    action: Literal["warn", "fail", "off"] = Field(
        default="warn", description="What a larger one does: warn, stop the run, or nothing."
    )


class GateConfig(Section):
    """What the images must be like before anything is trained on them.

    A measure is the share of the images that are concerned, in the split where it is largest,
    unless the check says otherwise.
    """

    untested_classes: Limit = Field(
        default=Limit(limit=0),
        description="Number of classes without an image in one of the splits.",
    )
    imbalance: Limit = Field(
        default=Limit(limit=0.9),
        description="By how much the smallest class of the training split falls short of the "
        "largest, as a share of it.",
    )
    blank: Limit = Field(default=Limit(limit=0), description="Images whose pixels are all alike.")
    saturated: Limit = Field(
        default=Limit(limit=0.01),
        description="Images that are black or white almost everywhere.",
    )
    duplicates: Limit = Field(
        default=Limit(limit=0.01), description="Images equal to an earlier one of their split."
    )
    leaks: Limit = Field(
        default=Limit(limit=0), description="Test images equal to a training image."
    )
    conflicts: Limit = Field(
        default=Limit(limit=0), description="Images equal to one with another label."
    )
    near_duplicates: Limit = Field(
        default=Limit(limit=0.05), description="Images much like an earlier one of their split."
    )
    near_leaks: Limit = Field(
        default=Limit(limit=0.01), description="Test images much like a training image."
    )
    drift: Limit = Field(
        default=Limit(limit=0.1),
        description="How far pixels, brightness or classes of a split moved since the last run "
        "(population stability index; 0.25 is much).",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        """Let a check be changed in part: what is not said stays as it is by default."""
        if not isinstance(values, dict):
            return values
        return {
            name: {**cls.model_fields[name].default.model_dump(), **value}
            if name in cls.model_fields and isinstance(value, dict)
            else value
            for name, value in values.items()
        }


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


class FitConfig(Section):
    """How the weights are fitted."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {"deployment", "checkpoint_seconds", "checkpoint_steps"}
    )

    augmentation: Augmentation = Augmentation()
    epochs: int = Field(
        ge=1, le=10_000, description="Passes over the training split, or over epoch_examples."
    )
    epoch_examples: int | None = Field(
        default=None,
        ge=1,
        description="Training images an epoch: fewer than there are, drawn anew each time, or more "
        "than there are, in several passes. Unset: each once.",
    )
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Images a step.")
    towers: int = Field(
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


class EvaluationConfig(Section):
    """How the trained model is measured, and how deeply."""

    batch_size: int = Field(
        default=500,
        ge=1,
        le=65_536,
        description="Most images a prediction step; fewer of large ones.",
    )
    calibration_bins: int = Field(
        default=15,
        ge=2,
        le=100,
        description="Bins of equal width that the highest probability is counted in.",
    )
    slices: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Columns of the label table; accuracy is given for each of their values.",
    )
    robustness_images: int = Field(
        default=1000,
        ge=0,
        description="Test images that are corrupted in seven ways and five severities; 0: none.",
    )
    saliency_images: int = Field(
        default=8,
        ge=0,
        le=200,
        description="Of how many of the surest mistakes to show which pixels speak for the wrong "
        "class; 0: none.",
    )
    label_doubts: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Probability of another class from which on the label of a training image is "
        "doubted; 1: no training image is looked at.",
    )


class ReportConfig(Section):
    """What the report shows."""

    mistakes: int = Field(
        default=24, ge=0, le=200, description="How many of the worst mistakes to show."
    )


class TrainingConfig(Section):
    """Everything that a run depends on, apart from the data and the machine."""

    recipe: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Name of the recipe, part of the run id."
    )
    description: str = Field(default="", max_length=300, description="One line for people.")
    data: DataConfig = DataConfig()
    gate: GateConfig = GateConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    model: ModelConfig
    training: FitConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
