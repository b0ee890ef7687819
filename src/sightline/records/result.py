"""Records of a run's report, stages and summary."""

from pydantic import Field

from sightline.records.base import FileRecord, Record
from sightline.records.data import ArraySet, DataGateResult, DatasetFiles
from sightline.records.evaluation import Evaluation, Interval
from sightline.records.model import ModelBlueprint, TrainedModel
from sightline.records.promotion import Certificate, Decision, Promotion
from sightline.records.unlabelled import UnlabelledPredictions


class Mistake(Record):
    """A wrong prediction: index in its split, class names and their probabilities."""

    index: int
    label: str
    predicted: str
    probability: float
    label_probability: float
    # File below the data set's folder, or file and position in it; None in earlier versions
    source: str | None = None

    @property
    def image(self) -> str:
        """What people know the image by: its source, else its index."""
        return self.source or str(self.index)


class ConfusedClasses(Record):
    """Test images of one class that the model takes for another."""

    label: str
    predicted: str
    images: int
    share: float  # Their share of the test images of the class
    mistakes: tuple[Mistake, ...] = ()  # Those that are shown, the most confident first
    thumbnails: tuple[FileRecord, ...]  # Their images as WebP


class ClassExample(Record):
    """A training image of a class."""

    source: str  # As of a mistake
    thumbnail: FileRecord  # WebP


class Figures(Record):
    """Figures as files."""

    # Figure name to its PNG: "samples", "curves", "confusion_matrix", "mistakes", and where there
    # are any or not too many, "findings", "layers" and those of optional measures
    figures: dict[str, FileRecord]
    # Figure name to its WebP for the page, of those that it shows
    page_figures: dict[str, FileRecord] = Field(default_factory=dict)
    # The same for dark pages, of figures with photographs, which cannot be inverted
    dark_figures: dict[str, FileRecord] = Field(default_factory=dict)
    entry: str = ""  # With those of the data, of all models


class Report(Figures):
    """Output of report: its figures and the mistakes that it shows."""

    thumbnails: tuple[FileRecord, ...]  # One WebP per mistake, in the order of `mistakes`
    mistakes: tuple[Mistake, ...]  # The most confident mistakes, in descending order of confidence
    mistakes_total: int  # Number of misclassified test images
    # The first possible label errors of the training split, the most likely first
    label_errors: tuple[Mistake, ...] = ()
    confusions: tuple[ConfusedClasses, ...] = ()  # The most frequent ones, in descending order
    # Class name to some of its training images, for up to 50 classes, the weakest ones
    class_examples: dict[str, tuple[ClassExample, ...]] = Field(default_factory=dict)


class RunComparison(Record):
    """Comparison with the previous run of the same data set, or with that of its champion."""

    run_id: str  # Id of the other run
    recipe: str  # Its recipe
    accuracy: float  # Its test accuracy, in [0, 1]
    loss: float  # Its test loss, in nats
    # Test images that only this run, or only the other one, classifies correctly; None if the
    # test images differ or the other predictions cannot be read
    fixed: int | None = None
    broken: int | None = None
    p_value: float | None = None  # Two-sided p-value of McNemar's exact test (1947)


class Spread(Record):
    """Spread of one metric over random seeds."""

    values: tuple[float, ...]  # One value per seed
    mean: float
    deviation: float  # Sample standard deviation (n - 1)
    half_width: float  # Half the width of the 95 % confidence interval of the mean (Student's t)
    difference: float  # Largest difference between two seeds in 95 % of cases (Student's t)


class StageTime(Record):
    """Duration of a stage in this run, and whether its result came from the cache."""

    seconds: float = Field(ge=0)
    cached: bool


class StageRecords(Record):
    """Outputs of all stages, of the data gate and of the promotion gate."""

    ingest: DatasetFiles
    gate: DataGateResult | None = None  # Result of the data gate
    preprocess: ArraySet
    build: ModelBlueprint
    embed: ArraySet | None = None  # None if all layers are trained
    frozen: TrainedModel | None = None  # The phase before fine-tuning, if there is one
    train: TrainedModel
    evaluate: Evaluation
    predict: UnlabelledPredictions | None = None  # None if all splits have labels
    report: Report
    export: Certificate | None = None  # None if the promotion gate is off
    decision: Decision | None = None  # None if the promotion gate is off


class RunSummary(Record):
    """Summary of a finished run; the object that `--json` prints."""

    run_id: str
    run_dir: str
    dataset: str
    recipe: str
    parameters: int
    test_accuracy: float
    accuracy_interval: Interval | None = None  # 95 %
    balanced_accuracy: float | None = None  # Mean recall of the classes
    baseline_accuracy: float  # Accuracy of always predicting the most frequent class
    linear_accuracy: float | None = None  # Accuracy of a logistic regression on a few pixels
    test_loss: float
    stages: dict[str, StageTime]
    total_seconds: float
    promotion: Promotion | None = None
    # Table of what the model predicts for the splits without labels; None if all have labels
    unlabelled_predictions: str | None = None
    # What the evaluation left out or measured on a sample; None if nothing, and in lists of runs
    sampled: str | None = None
    # What needs attention and what to try next, the most important first; None in lists of runs
    warnings: tuple[str, ...] | None = None
    advice: tuple[str, ...] | None = None
