"""Records of the evaluation on the test split."""

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record

Interval = tuple[float, float]
"""A 95 % Wilson score interval of a proportion, in [0, 1]."""


class ClassMetrics(Record):
    """Precision, recall and F1 (all in [0, 1]) and number of test examples of one class.

    Attributes:
        precision_interval: None if the class was never predicted.
        recall_interval: None if the class has no test images.
    """

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None


class ReliabilityBin(Record):
    """The test images whose highest probability is in (low, high].

    Attributes:
        confidence: Their mean highest probability; None if there are none.
        accuracy: Their accuracy; None if there are none.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


class Temperature(Record):
    """Result of temperature scaling, which divides the logits by a temperature.

    Attributes:
        temperature: Above 1 if the model is overconfident, below 1 if it is underconfident.
        validation_images: Number of validation images that it was fitted to.
        loss: Mean cross-entropy on the test split after scaling, in nats.
        calibration_error: Expected calibration error on the test split after scaling.
    """

    temperature: float
    validation_images: int
    loss: float
    calibration_error: float


class Calibration(Record):
    """Calibration of the highest probability.

    Attributes:
        bins: Bins of equal width from 0 to 1.
        error: Expected calibration error: mean difference between confidence and accuracy over
            the bins, weighted by their images.
        temperature: None without a validation split.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    temperature: Temperature | None = None


class CoveragePoint(Record):
    """Selective prediction: the model abstains below a confidence threshold.

    Attributes:
        threshold: Lowest accepted probability, in [0, 1].
        coverage: Fraction of the test images that get a prediction.
        accuracy: Accuracy on these.
    """

    threshold: float
    coverage: float
    accuracy: float


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
    """Accuracy under a fixed set of corruptions.

    Attributes:
        images: Number of test images, the same ones for each corruption.
        accuracy: Their accuracy without corruption.
    """

    images: int
    accuracy: float
    corruptions: tuple[CorruptionMetrics, ...]


class LabelErrors(Record):
    """Possible label errors in the training split.

    Attributes:
        examined: Number of training images checked.
        found: Number whose probability of another class is at least `threshold`.
        table: Parquet file, most likely errors first: index (in the training split as
            ingested), label, predicted (int64), probability, label_probability (float32).
    """

    examined: int
    found: int
    threshold: float
    table: FileRecord


class Saliency(Record):
    """Saliency maps of the most confident mistakes, by integrated gradients.

    Attributes:
        indexes: Index of each image in the test split, the most confident mistake first.
        maps: float32 NPY of shape (m, height, width): contribution of each pixel to the
            probability of the predicted class relative to a black image, summed over channels.
        completeness: Largest absolute difference between the sum of a map and the change of that
            probability from the black image to the image.
    """

    indexes: tuple[int, ...]
    maps: ArrayFile
    completeness: float


class Metrics(Record):
    """Metrics of a model on the test split.

    Attributes:
        accuracy: In [0, 1].
        accuracy_interval: 95 % Wilson score interval of the accuracy.
        top_k: k to the top-k accuracy.
        loss: Mean categorical cross-entropy (log loss), in nats.
        classes: Metrics per class, in label order.
        confusion: Counts; row: label, column: prediction.
        coverage: Accuracy of selective prediction, for increasing thresholds.
        slices: Accuracy for each value of `evaluation.slices`.
        robustness: None if skipped.
        label_errors: None if skipped.
        saliency: None if skipped, or if there are no mistakes.
        serving_difference: Largest absolute difference in probability between the exported model
            on raw uint8 images and the trained model on preprocessed arrays.
    """

    accuracy: float
    accuracy_interval: Interval
    top_k: dict[int, float] = Field(default_factory=dict)
    loss: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: Calibration | None = None
    coverage: tuple[CoveragePoint, ...] = ()
    slices: tuple[SliceMetrics, ...] = ()
    robustness: Robustness | None = None
    label_errors: LabelErrors | None = None
    saliency: Saliency | None = None
    serving_difference: float


class Evaluation(Metrics):
    """Output of evaluate, all on the test split.

    Attributes:
        metrics: JSON file of the metrics.
        predictions: Parquet file with one row per example: index, label, predicted,
            probability_<i> for each class i (float32, rows sum to 1).
    """

    metrics: FileRecord
    predictions: FileRecord
