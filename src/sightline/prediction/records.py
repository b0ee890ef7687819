"""Records of a prediction: the request, the model, and the outcome."""

from typing import Literal

from pydantic import Field

from sightline.records import Record, SplitProfile

TableFormat = Literal["parquet", "csv"]


class ServedModel(Record):
    """The model to predict with.

    Attributes:
        name: Name to show.
        sha256: Digest that the file at `path` must have.
        class_names: Names in label order; None if unknown.
        image_shape: Height, width and channels that it was trained on; None if unknown.
        profile: Profile of its training images; None if unknown.
        notes: Sentences on what is unknown.
    """

    name: str
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    class_names: tuple[str, ...] | None = None
    image_shape: tuple[int, int, int] | None = None
    profile: SplitProfile | None = None
    notes: tuple[str, ...] = ()


class Input(Record):
    """A source of images.

    Attributes:
        name: Its path as the user gave it.
        path: Its absolute path, since the Keras process may have another working directory.
        images: Number of images, at least 1.
        column: Image column of a Parquet file.
        left_out: Number of files of a folder that are not images.
    """

    name: str
    path: str
    kind: Literal["image", "folder", "npy", "parquet"]
    images: int
    column: str = ""
    left_out: int = 0


class Request(Record):
    """A request to the Keras process; `table` is the file for all predictions, if any."""

    inputs: tuple[Input, ...]
    model: ServedModel
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    table: str | None = None
    format: TableFormat = "parquet"


class Prediction(Record):
    """The prediction for one image; `label` and `probability` are None if it is unreadable."""

    input: str
    label: str | None
    probability: float | None
    abstained: bool
    error: str | None


class Outcome(Record):
    """Summary of a prediction; the object that `--json` prints.

    Attributes:
        output: The file with all predictions; None if none was requested.
        classes: Class name to the number of its images, without abstentions.
        abstained: Number of images without a sufficiently probable class.
        failed: Number of images that could not be read.
        first_error: Why the first of them could not be read.
        warnings: Sentences on how the images differ from the training images.
        seconds: From the loaded model to the last prediction.
        images_per_second: Throughput in that time.
        predictions: The first predictions, in order.
    """

    model: str
    model_sha256: str
    output: str | None = None
    images: int
    classes: dict[str, int]
    abstained: int
    failed: int
    first_error: str | None = None
    warnings: tuple[str, ...]
    seconds: float
    images_per_second: float
    predictions: tuple[Prediction, ...]
