"""What passes between stages: small frozen records that name files and carry their digests.

A record holds no array and no model. Paths are relative to the artifacts root, so that a
record is the same on every machine that mounts that root.

TrainingConfig -> DatasetFiles -> ArraySet -> ModelBlueprint -> TrainedModel -> Evaluation -> Report
"""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen, JSON-able record.

    Attributes:
        incidental: Fields that no later stage computes with; they stay out of cache keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incidental: ClassVar[frozenset[str]] = frozenset()


class Run(Record):
    """Where a run works and how it was asked for; never part of a cache key.

    Attributes:
        id: The run's id and the name of its folder.
        root: The artifacts root.
        started: When the run was asked for, in UTC.
        data_dir: Where local copies of named data sets lie.
        mirror: Base address to download from instead of the public mirrors.
        refresh: Whether to make every stage again.
        ahead: Stage name to the seconds spent on it before the flow began.
    """

    id: str
    root: Path
    started: datetime = Field(default_factory=lambda: datetime.now(UTC))
    data_dir: Path | None = None
    mirror: str | None = Field(default=None, exclude=True, repr=False)  # may hold a password
    refresh: bool = False
    ahead: dict[str, float] = Field(default_factory=dict)

    @property
    def token(self) -> str:
        """Tell this run from an earlier one of the same id."""
        return f"{self.id} {self.started.isoformat()}"


def _below_root(path: str) -> str:
    """Refuse a path that leads out of the artifacts root: a record may come from a file."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or not path.isprintable():
        raise ValueError(f"expected a path below the artifacts root without '..', got {path!r}")
    return path


class FileRecord(Record):
    """A file under the artifacts root: POSIX path relative to the root, digest, size in bytes."""

    path: Annotated[str, AfterValidator(_below_root)]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class ArrayFile(FileRecord):
    """An NPY file with its shape and its NumPy dtype name."""

    shape: tuple[int, ...]
    dtype: str


class Source(Record):
    """A data set that was found and digested, before any image is decoded.

    Attributes:
        dataset: Its name, fit for a run id: lower case, digits and hyphens.
        kind: What lies there; decides who reads it.
        path: Where it lies; the data set's name where it has no place of its own.
        sha256: Digest of the content, whatever its path.
    """

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind: Literal["named", "embedded", "idx", "npz", "folder", "parquet", "csv"]
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DatasetFiles(Record):
    """Output of ingest: one canonical form of any source.

    Attributes:
        dataset: The data set's name, fit for a run id: lower case, digits and hyphens.
        source: Where the images came from, for people; never a secret.
        class_names: Names in label order; `num_classes` is their number.
        image_shape: Height, width and channels (1 or 3).
        images: Split name ("train", "test") to a uint8 NPY file of shape (n, height, width,
            channels), values 0 to 255.
        labels: Parquet file with one row an example, splits one after the other: index (int64,
            within the split), split, label (int64), class_name, source, pixels_sha256.
        counts: Split name to the number of examples of each class, in label order.
        notes: Sentences on what was changed while reading, such as resized images.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"source"})

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    source: str
    class_names: tuple[str, ...] = Field(min_length=2, max_length=1000)
    image_shape: tuple[int, int, int]
    images: dict[str, ArrayFile]
    labels: FileRecord
    counts: dict[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()


class ArraySplit(Record):
    """One split as training arrays.

    Attributes:
        images: float32 NPY of shape (n, height, width, channels), values in [0, 1].
        labels: float32 NPY of shape (n, num_classes), one-hot.
    """

    images: ArrayFile
    labels: ArrayFile


class ArraySet(Record):
    """Output of preprocess: splits "train", "test" and, where asked for, "validation"."""

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: dict[str, ArraySplit]


class Layer(Record):
    """One layer of the model, for summaries; `output_shape` leaves out the batch dimension."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int


class ModelBlueprint(Record):
    """Output of build: the untrained model.

    Attributes:
        architecture: Keras' JSON of the functional model; input float32 in [0, 1].
        summary: Text table of the layers.
        picture: PNG of the layers.
        layers: The layers in order.
        parameters: Number of trainable and other weights.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"summary", "picture"})

    architecture: FileRecord
    summary: FileRecord
    picture: FileRecord
    layers: tuple[Layer, ...]
    parameters: int
    image_shape: tuple[int, int, int]
    num_classes: int


class Gpu(Record):
    """One GPU: its name, the version of its driver, its memory in bytes."""

    name: str
    driver: str
    memory_bytes: int


class TrainedModel(Record):
    """Output of train.

    Attributes:
        model: `.keras` file that takes raw uint8 images of `image_shape` and returns class
            probabilities.
        weights_sha256: Digest of all weights, in order; equal weights give equal digests.
        optimizer_sha256: Digest of the optimizer's variables after the last step.
        seeds_sha256: Digest of the seed generators' states after the last step.
        history: Parquet file with one row an epoch: epoch (from 1), loss, accuracy,
            val_loss and val_accuracy where there is a validation split, seconds,
            images_per_second.
        epochs: Epochs trained.
        best_epoch: The epoch whose weights these are, where the best were asked for.
        resumed: A sentence for each time that the training went on from a checkpoint.
        checkpoints: How many checkpoints were written.
        checkpoint_seconds: Time spent on writing them.
        device: What it was trained on, such as "cpu" or "gpu: NVIDIA H200".
        fit_seconds: Wall time of the fit in the process that ended it: graph building, validation
            and checkpoints included, what a resumed training did before left out.
        images_per_second: Training images a second, over all epochs.
        peak_memory_bytes: Largest resident set of the Keras process.
        peak_device_memory_bytes: Largest memory taken on the GPU; None on a CPU.
        gpus: The GPUs that the process could see, whether it used them or not.
        environment: What the bits depend on: versions, backend, threads, oneDNN.
    """

    incidental: ClassVar[frozenset[str]] = frozenset(
        {
            "resumed",
            "checkpoints",
            "checkpoint_seconds",
            "device",
            "fit_seconds",
            "images_per_second",
            "peak_memory_bytes",
            "peak_device_memory_bytes",
            "gpus",
        }
    )

    model: FileRecord
    weights_sha256: str
    optimizer_sha256: str | None = None
    seeds_sha256: str | None = None
    history: FileRecord
    epochs: int
    best_epoch: int | None = None
    resumed: tuple[str, ...] = ()
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    device: str
    fit_seconds: float | None = None
    images_per_second: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int | None = None
    gpus: tuple[Gpu, ...] = ()
    environment: dict[str, str]


class DeviceReport(Record):
    """What Keras would compute on, for people, and what the bits depend on."""

    device: str
    environment: dict[str, str]


class ClassMetrics(Record):
    """Precision, recall and F1 (all in [0, 1]) and number of test examples of one class."""

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int


class Metrics(Record):
    """What the test split says about a model.

    Attributes:
        accuracy: Share of right predictions, in [0, 1].
        accuracy_interval: 95 % Wilson score interval of the accuracy.
        loss: Mean categorical cross-entropy, in nats.
        classes: Metrics a class, in label order.
        confusion: Counts; row: label, column: prediction.
        serving_difference: Largest absolute difference between the probabilities of the
            exported model on raw uint8 images and of the trained one on prepared arrays.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    loss: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    serving_difference: float


class Evaluation(Metrics):
    """Output of evaluate, all on the test split.

    Attributes:
        metrics: JSON file of the metrics.
        predictions: Parquet file with one row an example: index, label, predicted,
            probability_<i> for each class i (float32, rows sum to 1).
    """

    metrics: FileRecord
    predictions: FileRecord


class Mistake(Record):
    """A wrong prediction: index in the test split, class names, probability of each."""

    index: int
    label: str
    predicted: str
    probability: float
    label_probability: float


class Report(Record):
    """Output of report: the pictures and what they show.

    Attributes:
        figures: Picture name ("samples", "curves", "confusion_matrix", "mistakes") to its PNG.
        thumbnails: One small PNG a mistake, in the order of `mistakes`.
        mistakes: The worst mistakes, the most confident first.
        mistakes_total: How many test examples were misclassified.
    """

    figures: dict[str, FileRecord]
    thumbnails: tuple[FileRecord, ...]
    mistakes: tuple[Mistake, ...]
    mistakes_total: int


class StageTime(Record):
    """How long a stage took in this run, and whether its result was already there."""

    seconds: float = Field(ge=0)
    cached: bool


class StageRecords(Record):
    """What the six stages returned."""

    ingest: DatasetFiles
    preprocess: ArraySet
    build: ModelBlueprint
    train: TrainedModel
    evaluate: Evaluation
    report: Report


class RunSummary(Record):
    """What a finished run tells its caller; the object that `--json` prints."""

    run_id: str
    run_dir: str
    dataset: str
    recipe: str
    parameters: int
    test_accuracy: float
    test_loss: float
    stages: dict[str, StageTime]
    total_seconds: float
