"""Records of the images that a model suggests to label."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from sightline.prediction.records import Input, ServedModel
from sightline.records import DatasetFiles, Record
from sightline.records.base import Sha256

FileName = Annotated[str, Field(pattern=r"^[^/.\x00][^/\x00]*$")]
"""Name of a file that is neither hidden nor in another folder."""


class SuggestionRequest(Record):
    """A request to the Keras process."""

    inputs: tuple[Input, ...]  # Image files and folders of them
    model: ServedModel
    count: int = Field(ge=1)
    seed: int = Field(ge=0)
    known: DatasetFiles | None  # The data of the model's run, if its cache still has them
    shard_images: int = Field(ge=1)


class SuggestedImage(Record):
    """An image to label, and what the model knows of it."""

    path: str  # Absolute path
    sha256: str
    suggested: str  # The most probable class
    probability: float  # Its probability, in [0, 1]
    second: str  # The second most probable class
    margin: float  # Difference of their probabilities, in [0, 1]: 0 is the most uncertain
    nearest: str | None  # Class whose training images are closest by features; None if unknown


class Suggestions(Record):
    """The images to label, the most uncertain first."""

    images: tuple[SuggestedImage, ...]
    class_names: tuple[str, ...]
    examined: int  # Number of images that the model predicted
    unreadable: int
    known: int  # Left out, as the data of the model's run have them
    duplicates: int  # Left out, as they equal or resemble training images or each other
    warnings: tuple[str, ...] = ()


class HandedOver(Record):
    """A folder of images to label; the content of `suggestions.json` in it."""

    created: datetime
    model: str
    model_sha256: str
    run_id: str | None
    seed: int
    class_names: tuple[str, ...]
    images: dict[FileName, Sha256]  # File below images/ to the SHA-256 of its content


class AddedLabel(Record):
    """A labelled image that became part of a data set; a line of its log."""

    time: datetime
    user: str
    file: str  # Relative to the data set
    sha256: str
    label: str
    source: str  # The folder to label, and the file's name in it
    model: str  # The model that suggested the image
    model_sha256: str


class Added(Record):
    """What became of the labels of a folder; the object that `--json` prints."""

    dataset: str
    added: dict[str, int]  # Class to the number of images that are new in the data set
    present: int  # Number of images that the data set had already
    removed: int  # Number of images that were added before and have been moved or deleted since
    unlabelled: int  # Number of images without a label
    command: str  # The command that trains with them
