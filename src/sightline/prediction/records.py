"""Records of a prediction: what is to be predicted, by which model, and what came of it."""

from typing import Literal

from pydantic import Field

from sightline.records import Record, SplitProfile


class Served(Record):
    """The model that answers.

    Attributes:
        name: What it is called, for people.
        path: Its `.keras` file.
        sha256: The digest that the file must have.
        class_names: Names in label order; None where nobody knows them.
        image_shape: Height, width and channels that it was trained on; None where nobody knows.
        profile: What its training images look like; None where nobody knows.
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
    """One thing to predict.

    Attributes:
        name: Its path as it was given.
        path: Its absolute path: the Keras process may stand elsewhere.
        kind: What lies there.
        images: How many images it holds, at least 1.
        column: Column of the images in Parquet.
        left_out: Files of a folder that are no images.
    """

    name: str
    path: str
    kind: Literal["image", "folder", "npy", "parquet"]
    images: int
    column: str = ""
    left_out: int = 0


class Request(Record):
    """What the Keras process is asked for.

    Attributes:
        inputs: What to predict, in order.
        served: The model.
        abstain_below: Smallest probability of an answer; the model abstains below.
        table: File to write all predictions to; None for none.
        form: Its format.
    """

    inputs: tuple[Input, ...]
    served: Served
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    table: str | None = None
    form: Literal["parquet", "csv"] = "parquet"


class Prediction(Record):
    """What the model says of one image; `label` and `probability` are None where it failed."""

    input: str
    label: str | None
    probability: float | None
    abstained: bool
    error: str | None


class Outcome(Record):
    """What came of a prediction; the object that `--json` prints.

    Attributes:
        model: Name of the model.
        model_sha256: Digest of its file.
        output: The file with all predictions; None where none was asked for.
        images: How many there were.
        classes: Class name to the number of images that got it, without those abstained on.
        abstained: Images for which no class is probable enough.
        failed: Images that could not be read.
        first_error: What is wrong with the first of them.
        warnings: Sentences on how these images differ from those that the model learned from.
        seconds: From the loaded model to the last prediction.
        images_per_second: In that time.
        predictions: The first of them, in order.
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
