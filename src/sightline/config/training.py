"""Settings of the training: optimizer, device and checkpoints."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from sightline.config.augmentation import Augmentation
from sightline.config.base import Section, Seed
from sightline.errors import ConfigError

Optimizer = Literal[
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "lamb",
    "lion",
    "muon",
    "nadam",
    "rmsprop",
    "sgd",
]

# Smith and Topin, "Super-convergence" (2018), use 0.3 to 0.45; short trainings like these do better
# with less
_ONE_CYCLE_RISE = 0.25


def _count_or_all(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        raise ValueError('expected "all" or a whole number from 1 to 4096') from None


Devices = Annotated[
    Literal["all"] | Annotated[int, Field(ge=1, le=4096)], WrapValidator(_count_or_all)
]


class FrozenPhase(Section):
    """The phase before fine-tuning, in which only the head of a backbone is trained."""

    epochs: int = Field(default=0, ge=0, le=10_000, examples=[3])
    """Number of passes over the training split. 0: no such phase."""
    learning_rate: float = Field(default=0.003, gt=0, le=100, examples=[0.01])
    """Learning rate, with the same schedule."""


class TrainingConfig(Section):
    """How the weights are fitted."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {"deployment", "nodes", "checkpoint_seconds", "checkpoint_steps"}
    )

    augmentation: Augmentation = Augmentation()
    epochs: int = Field(ge=1, le=10_000, examples=[20])
    """Number of passes over the training split, or over examples_per_epoch images."""
    frozen: FrozenPhase = FrozenPhase()
    examples_per_epoch: int | None = Field(default=None, ge=1, examples=[10_000])
    """Training images per epoch: a new random subset each time, or several passes if there are
    fewer. Unset: each image once."""
    batch_size: int = Field(default=32, ge=1, le=65_536, examples=[64])
    """Images per training step."""
    ghost_batches: int = Field(default=1, ge=1, le=64, examples=[2])
    """Split each batch into N parts that are computed in parallel on their own CPU cores; batch
    normalization uses the statistics of each part (ghost batch normalization). 2 is faster for
    small networks."""
    steps_per_execution: int = Field(default=1, ge=1, le=1000, examples=[10])
    """Training steps per call of the compiled function. Checkpoints and interruptions wait until
    it returns. Larger values are faster if steps are short."""
    optimizer: Optimizer = Field(default="adam", examples=["sgd"])
    """Keras name of the optimizer. muon: for the kernels of convolutions and dense layers, except
    the last layer's, and adam for all other weights."""
    momentum: float | None = Field(default=None, ge=0, lt=1, examples=[0.9])
    """Nesterov momentum of the optimizers sgd and muon. Unset: 0 with sgd, 0.95 with muon."""
    learning_rate: float = Field(default=0.001, gt=0, le=100, examples=[0.01])
    """Learning rate."""
    weight_decay: float = Field(default=0.0, ge=0, le=1, examples=[0.01])
    """Decoupled weight decay of the kernels (as in AdamW), multiplied by the learning rate."""
    clip_norm: float | None = Field(default=None, gt=0, le=1e6, examples=[1])
    """Largest norm of the gradient of all weights together; a larger one is scaled down. Unset: any
    norm."""
    ema: float | None = Field(default=None, gt=0, lt=1, examples=[0.999])
    """Validate and keep an exponential moving average of the weights, to which each step adds
    1 - ema of the new weights, such as 0.999. Unset: the weights themselves."""
    schedule: Literal["constant", "linear", "cosine", "one-cycle"] = "constant"
    """Learning rate schedule. cosine: decay to zero over the training; linear: the same at an even
    pace; one-cycle: warm up in the first quarter, then decay as with cosine."""
    warmup: float | None = Field(default=None, ge=0, lt=1, examples=[0.05])
    """Fraction of the training in which the learning rate rises linearly from zero. Unset: 0.25
    with one-cycle, otherwise none."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Compute type of the layers; weights are always float32. float16: with loss scaling, for GPUs
    without bfloat16; auto: bfloat16 if the device supports it, else float32."""
    class_weight: Literal["none", "balanced"] = "none"
    """Weight of a training image in the loss. balanced: inversely proportional to the number of
    images of its class, 1 on average; none: all the same."""
    sampling: Literal["uniform", "balanced"] = "uniform"
    """Training images of an epoch. balanced: as many of each class, so that images of small classes
    occur several times; uniform: each image as often."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, examples=[0.1])
    """Fraction of each training label that is spread evenly over all classes."""
    seed: Seed = 0
    """Random seed of the initial weights, shuffling and augmentation."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: use a GPU if there is one; gpu: fail if there is none."""
    devices: Devices = Field(default=1, examples=["all"])
    """Number of devices that share each batch, on all nodes together. all: as many as there are."""
    deterministic: bool | None = None
    """Produce identical weights for identical inputs, even if that is slower. Unset: true on a
    CPU, false on a GPU."""
    keep_weights: Literal["last", "best"] = "last"
    """Weights to keep. last: those of the last epoch; best: those of the epoch with the lowest
    validation loss, which needs a validation split."""
    flip_averaging: bool = False
    """Let the exported model average its probabilities for each image and its mirror image: often
    more accurate, at twice the time of a prediction (test-time augmentation)."""
    early_stopping: int | None = Field(default=None, ge=1, examples=[3])
    """Stop after this number of epochs without a lower validation loss, which needs a validation
    split. keep_weights chooses the weights. Unset: train all epochs."""
    checkpoint_seconds: float = Field(default=10.0, ge=0, le=86_400, examples=[60])
    """Seconds between checkpoints; longer if writing one is slow."""
    checkpoint_steps: int | None = Field(default=None, ge=1, examples=[100])
    """Training steps between checkpoints; overrides checkpoint_seconds."""
    deployment: str | None = Field(
        default=None, pattern=r"^[^/\s]+/[^/\s]+$", examples=["fit/fit-gpu"]
    )
    """Prefect deployment that runs the training, such as "fit/fit-gpu". Unset: train where the run
    is."""
    nodes: int = Field(default=1, ge=1, le=1024, examples=[2])
    """Number of flow runs of the deployment that train together, each on a machine of its own. More
    than one needs "fit/fit-node", devices = "all" and the backend JAX."""

    @property
    def rise(self) -> float:
        """Fraction of the training in which the learning rate rises from zero, in [0, 1)."""
        if self.warmup is not None:
            return self.warmup
        return _ONE_CYCLE_RISE if self.schedule == "one-cycle" else 0.0

    def check_validated(self, *, validated: bool) -> None:
        """Raise ConfigError if a setting needs a validation split, unless there is one."""
        for key, wanted, off in (
            ("keep_weights", self.keep_weights == "best", 'set it to "last"'),
            ("early_stopping", self.early_stopping is not None, "leave it unset"),
        ):
            if wanted and not validated:
                raise ConfigError(
                    f"training.{key} needs a validation split, and the data set has none; set "
                    f"preprocessing.validation_fraction, such as 0.1, or {off}."
                )

    def frozen_phase(self) -> "TrainingConfig":
        """Return the settings of the phase before fine-tuning."""
        update = {
            "epochs": self.frozen.epochs,
            "learning_rate": self.frozen.learning_rate,
            "frozen": FrozenPhase(),
            "ema": None,
            "flip_averaging": False,
            "early_stopping": None,
            "keep_weights": "last",
        }
        return self.model_copy(update=update)
