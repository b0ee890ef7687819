"""Records of a prediction: the request, the model, and the outcome."""

from typing import Literal

from pydantic import Field

from sightline.records import (
    FileRecord,
    Interval,
    ModelFile,
    ModelMetadata,
    Record,
    SplitProfile,
)

TableFormat = Literal["parquet", "csv"]


class ServedModel(ModelFile):
    """The model to predict with."""

    name: str  # Name to show
    # As its run recorded it; None without a record of the run: then the file itself may have it
    metadata: ModelMetadata | None = None
    profile: SplitProfile | None = None  # Profile of its training images; None if unknown
    run_id: str | None = None  # Its run; None if unknown, as are the following then
    accuracy: float | None = None  # On the test split of its run
    accuracy_interval: Interval | None = None

    @property
    def short_name(self) -> str:
        """Its name without the alias that it was found by."""
        return self.name.partition(" (")[0]


class Input(Record):
    """A source of images."""

    name: str  # Its path as the user gave it
    path: str  # Its URL, or absolute path: the Keras process may have another working directory
    # "split": a split of a data set, at whose path the data set is
    kind: Literal["image", "folder", "npy", "parquet", "split"]
    images: int  # Number of images, at least 1
    column: str = ""  # Image column of a Parquet file
    # Files of a folder that are not images, counted by their ending
    left_out: dict[str, int] = Field(default_factory=dict)


class Request(Record):
    """A request to the Keras process; `table` is the file for all predictions, if any."""

    inputs: tuple[Input, ...]
    model: ServedModel
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    table: str | None = None
    format: TableFormat = "parquet"
    with_probabilities: bool = False  # Whether a Parquet table has those of all classes
    # More image files are predicted in shards of about so many, if a run says where they are kept
    shard_images: int = Field(default=10_000, ge=1)
    # Number of a share and of all: only these shards are predicted, for others who merge them
    share: tuple[int, int] | None = None

    @property
    def images(self) -> int:
        """Number of all images."""
        return sum(one.images for one in self.inputs)

    @property
    def has_shards(self) -> bool:
        """Whether there are so many images, and each is a file, which is read by itself."""
        are_files = all(one.kind in {"folder", "image"} for one in self.inputs)
        return are_files and self.images > self.shard_images


class PredictedShard(Record):
    """What a model predicted for some images, in the cache."""

    blocks: FileRecord  # Parquet, a row group for each block: name, error, sum, probabilities
    # NPY int64, a row for each block: its conversions, then its pixels of each value from 0 to 255
    counts: FileRecord


class Prediction(Record):
    """The prediction for one image; `label` and `probability` are None if it is unreadable."""

    input: str
    label: str | None
    probability: float | None
    abstained: bool
    error: str | None


class Outcome(Record):
    """Summary of a prediction; the object that `--json` prints."""

    model: str
    model_sha256: str
    output: str | None = None  # The file with all predictions; None if none was requested
    images: int
    classes: dict[str, int]  # Class name to the number of its images, without abstentions
    abstained: int  # Number of images without a sufficiently probable class
    failed: int  # Number of images that could not be read
    first_error: str | None = None  # Why the first of them could not be read
    warnings: tuple[str, ...]  # Sentences on how the images differ from the training images
    seconds: float  # From the loaded model to the last prediction
    images_per_second: float  # Throughput in that time
    predictions: tuple[Prediction, ...]  # The first predictions, in order
