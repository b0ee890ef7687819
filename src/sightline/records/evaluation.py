"""Records of what the test split says about a model."""

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record

Interval = tuple[float, float]
"""A 95 % interval of a share, both ends in [0, 1]; Wilson's score interval."""


class ClassMetrics(Record):
    """Precision, recall and F1 (all in [0, 1]) and number of test examples of one class.

    Attributes:
        precision_interval: None where nothing was given this name.
        recall_interval: None where there is no test example of this class.
    """

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None


class ReliabilityBin(Record):
    """The test images whose highest probability lies in (low, high].

    Attributes:
        confidence: Mean of that probability; None without images.
        accuracy: Share of them that are right; None without images.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


class Temperature(Record):
    """A temperature that the logits are divided by, and what it would do.

    Attributes:
        temperature: Above 1 the model was too sure, below 1 not sure enough.
        validation_images: Validation images that it was fitted to.
        loss: Mean cross-entropy on the test split with it, in nats.
        calibration_error: Expected calibration error on the test split with it.
    """

    temperature: float
    validation_images: int
    loss: float
    calibration_error: float


class Calibration(Record):
    """How far the highest probability is from the share of right predictions.

    Attributes:
        bins: Of equal width, from 0 to 1.
        error: Expected calibration error: mean distance of confidence and accuracy in a bin,
            weighted by its images.
        temperature: None without a validation split.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    temperature: Temperature | None = None


class CoveragePoint(Record):
    """What is left where the model abstains below a probability.

    Attributes:
        threshold: The probability, in [0, 1].
        coverage: Share of the test images that it still answers.
        accuracy: Share of these that are right.
    """

    threshold: float
    coverage: float
    accuracy: float


class SliceMetrics(Record):
    """Accuracy on the test images that have one value in a column of the label table."""

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
        images: Test images, the same for each corruption.
        accuracy: Accuracy on them as they are.
        corruptions: One row each.
    """

    images: int
    accuracy: float
    corruptions: tuple[CorruptionMetrics, ...]


class LabelErrors(Record):
    """Training images whose label the model denies.

    Attributes:
        examined: Training images that were looked at.
        found: How many of them it gives another class with at least `threshold`.
        threshold: Probability of the other class.
        table: Parquet file, the most doubtful first: index (in the training split as
            ingested), label, predicted (int64), probability, label_probability (float32).
    """

    examined: int
    found: int
    threshold: float
    table: FileRecord


class Saliency(Record):
    """Which pixels speak for the wrong class in the surest mistakes, by integrated gradients.

    Attributes:
        indexes: Index in the test split of each image, the surest mistake first.
        maps: float32 NPY of shape (m, height, width): how much each pixel adds to the
            probability of the predicted class, beside a black image; channels are summed.
        completeness: Largest distance between the sum of a map and the difference of that
            probability between the image and black.
    """

    indexes: tuple[int, ...]
    maps: ArrayFile
    completeness: float


class Metrics(Record):
    """What the test split says about a model.

    Attributes:
        accuracy: Share of right predictions, in [0, 1].
        accuracy_interval: 95 % Wilson score interval of the accuracy.
        top_k: k to the share of images whose label is among the k most probable classes.
        loss: Mean categorical cross-entropy (log loss), in nats.
        classes: Metrics a class, in label order.
        confusion: Counts; row: label, column: prediction.
        calibration: Whether the probabilities can be believed.
        coverage: Accuracy of what it is sure of, from answering everything to little.
        slices: Accuracy by metadata, where columns were named.
        robustness: None where it was switched off.
        label_errors: None where it was switched off.
        saliency: None where it was switched off or there is no mistake.
        serving_difference: Largest absolute difference between the probabilities of the
            exported model on raw uint8 images and of the trained one on prepared arrays.
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
        predictions: Parquet file with one row an example: index, label, predicted,
            probability_<i> for each class i (float32, rows sum to 1).
    """

    metrics: FileRecord
    predictions: FileRecord
