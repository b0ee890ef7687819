"""Records of the evaluation of a model that exists already on other labelled images."""

from typing import Literal

from sightline.records.base import Record
from sightline.records.evaluation import Interval, Metrics


class KnownImages(Record):
    """The images that the run of the model had in one of its splits, or in none."""

    split: Literal["train", "validation", "test", "new"]  # "train" has held-out validation images
    images: int
    accuracy: float
    interval: Interval


class OwnTest(Record):
    """The model on the test split of its own run, and the change from there."""

    accuracy: float
    interval: Interval
    difference: float  # Accuracy on the other images minus this one
    difference_interval: tuple[float, float]  # 95 %, of independent samples


class ModelEvaluation(Record):
    """How a model does on labelled images; the content of `evaluation.json`."""

    model: str  # Name to show
    model_sha256: str
    run_id: str | None  # None if the run of the model is unknown
    dataset: str
    source: str
    source_sha256: str
    split: Literal["all", "train", "validation", "test"]
    images: int
    metrics: Metrics
    own_test: OwnTest | None  # None if it is unknown
    known: tuple[KnownImages, ...] | None  # None if the images of the run are unknown
    warnings: tuple[str, ...]  # Sentences on the images and their classes
    output: str  # Folder of the page and the tables
