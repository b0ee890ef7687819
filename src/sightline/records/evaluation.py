"""Records of the evaluation on the test split."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record

Interval = tuple[float, float]  # A 95 % Wilson score interval of a proportion, in [0, 1]


class ClassMetrics(Record):
    """Precision, recall and F1 (all in [0, 1]) and number of test examples of one class."""

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval | None = None  # None if the class was never predicted
    recall_interval: Interval | None = None  # None if the class has no test images


class ReliabilityBin(Record):
    """The test images whose highest probability is in (low, high]."""

    low: float
    high: float
    images: int
    confidence: float | None  # Their mean highest probability; None if there are none
    accuracy: float | None  # Their accuracy; None if there are none


class Temperature(Record):
    """Result of temperature scaling, which divides the logits by a temperature."""

    temperature: float  # Above 1 if the model is overconfident, below 1 if it is underconfident
    validation_images: int  # Number of validation images that it was fitted to
    loss: float  # Mean cross-entropy on the test split after scaling, in nats
    calibration_error: float  # Expected calibration error on the test split after scaling


class Calibration(Record):
    """Calibration of the highest probability."""

    bins: tuple[ReliabilityBin, ...]  # Bins of equal width from 0 to 1
    # Expected calibration error: mean |confidence - accuracy| of the bins, weighted by images
    error: float
    temperature: Temperature | None = None  # None without a validation split


class CoveragePoint(Record):
    """Selective prediction: the model abstains below a confidence threshold."""

    threshold: float  # Lowest accepted probability, in [0, 1]
    coverage: float  # Fraction of the test images that get a prediction
    accuracy: float  # Accuracy on these


class SliceMetrics(Record):
    """Accuracy on the test images that share a value in a column of the label table."""

    column: str
    value: str
    images: int
    accuracy: float
    interval: Interval


class CorruptionMetrics(Record):
    """Accuracy on corrupted images, severities 1 to 5."""

    corruption: str
    accuracies: tuple[float, ...]


class Robustness(Record):
    """Accuracy under a fixed set of corruptions."""

    images: int  # Number of test images, the same ones for each corruption
    accuracy: float  # Their accuracy without corruption
    corruptions: tuple[CorruptionMetrics, ...]

    @property
    def margin(self) -> float:
        """Largest half-width of the 95 % Wilson score intervals of these accuracies."""
        return 1.96 / (2 * math.sqrt(self.images + 1.96**2))


class LabelErrors(Record):
    """Possible label errors in the training split."""

    examined: int  # Number of training images checked
    found: int  # Number whose probability of another class is at least `threshold`
    threshold: float
    # Parquet file, most likely errors first: index (in the training split as ingested), label,
    # predicted (int64), probability, label_probability (float32), source
    table: FileRecord


class NearestClass(Record):
    """The other class that most neighbors of a class's images belong to."""

    class_name: str
    other: str
    share: float  # Their share of these neighbors


class Neighbors(Record):
    """Nearest neighbors of the images of all splits, by the features of the frozen layers."""

    incidental: ClassVar[frozenset[str]] = frozenset({"entry"})

    images: int  # Number of images compared
    similarity: float  # Least cosine similarity of near duplicates
    near_duplicates: int  # Number of pairs
    leaks: int  # Those of a test image and an image of another split
    contradicted_labels: int  # Number of images whose neighbors have another label
    nearest_classes: tuple[NearestClass, ...]  # The closest first
    # Parquet files "near_duplicates", "contradicted_labels", and "map": some images with their
    # places on the two principal components, in [0, 1]
    tables: dict[str, FileRecord]
    entry: str = ""  # Of all models, relative to the root


class LinearReference(Record):
    """A logistic regression on the images averaged over `side` x `side` cells, as a reference."""

    incidental: ClassVar[frozenset[str]] = frozenset({"entry"})

    accuracy: float  # On the test split, in [0, 1]
    balanced_accuracy: float  # Mean recall of the classes that have test images
    training_images: int  # Number of training images that it was fitted to
    side: int
    entry: str = ""  # Of all models, relative to the root


class OperatingPoint(Record):
    """A threshold: images whose probability of a class is at least as high belong to it."""

    class_name: str
    goal: Literal["recall", "precision"]  # What reaches the target; the other is then the highest
    target: float  # In (0, 1]
    threshold: float  # In [0, 1]
    precision: float
    recall: float


class ThresholdCurves(Record):
    """ROC and precision-recall curves of each class against the rest.

    A class that no test image, or every one, belongs to has none.
    """

    roc_auc: float  # Area under the ROC curve, mean of the classes
    average_precision: float  # Area under the precision-recall curve, mean of the classes
    class_roc_auc: tuple[float | None, ...]  # In label order
    class_average_precision: tuple[float | None, ...]
    operating_points: tuple[OperatingPoint, ...] = ()  # Class by class; targets that are reached
    # float32 NPY of shape (2, 1 + m, 201): recall at equally spaced false positive rates, then
    # precision at equally spaced recalls; the mean of the classes, then up to 20 classes each one
    points: ArrayFile


class Saliency(Record):
    """Saliency maps of the most confident mistakes."""

    method: Literal["integrated gradients", "class activation"] = "integrated gradients"
    indexes: tuple[int, ...]  # In the test split, the most confident mistake first
    # float32 NPY of shape (m, height, width): contribution of each pixel to the probability of the
    # predicted class relative to a black image, summed over channels; or of shape (m, rows,
    # columns): contribution of each position to the score of that class relative to the mean of
    # all classes, in nats
    maps: ArrayFile
    # Largest absolute difference of a probability: between a map's sum and the change from black,
    # or between those by the scores and by the network
    completeness: float


class Metrics(Record):
    """Metrics of a model on the test split."""

    accuracy: float  # In [0, 1]
    accuracy_interval: Interval  # 95 % Wilson score interval of the accuracy
    balanced_accuracy: float | None = None  # Mean recall of the classes that have test images
    macro_f1: float | None = None  # Mean F1 of the classes that have test images
    matthews: float | None = None  # Matthews correlation coefficient, in [-1, 1]
    kappa: float | None = None  # Cohen's kappa, in [-1, 1]
    top_k: dict[int, float] = Field(default_factory=dict)  # k to the top-k accuracy
    loss: float  # Mean categorical cross-entropy (log loss), in nats
    # Name, as of `evaluation.overall`, to the 95 % interval of that measure
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    classes: tuple[ClassMetrics, ...]  # Metrics per class, in label order
    confusion: tuple[tuple[int, ...], ...]  # Counts; row: label, column: prediction
    calibration: Calibration | None = None
    coverage: tuple[CoveragePoint, ...] = ()  # For increasing thresholds
    linear_reference: LinearReference | None = None  # None without two classes to train on
    threshold_curves: ThresholdCurves | None = None  # None if only one class is tested
    slices: tuple[SliceMetrics, ...] = ()  # Accuracy for each value of `evaluation.slices`
    robustness: Robustness | None = None  # None if skipped
    label_errors: LabelErrors | None = None  # None if skipped
    neighbors: Neighbors | None = None  # None if no layer was frozen
    saliency: Saliency | None = None  # None if skipped, or if there are no mistakes
    # Parquet file of up to 1,000 test images, with which later images are compared: predicted,
    # confidence, brightness, contrast, features; None in earlier versions
    profile: FileRecord | None = None
    # Largest absolute difference in probability between the exported model on raw uint8 images and
    # the trained model on preprocessed arrays
    serving_difference: float


class Evaluation(Metrics):
    """Output of evaluate, all on the test split."""

    metrics: FileRecord  # JSON file of the metrics
    # Parquet file with one row per example: index, label, predicted, source and, for each class i,
    # probability_<i> (float32, rows sum to 1)
    predictions: FileRecord
