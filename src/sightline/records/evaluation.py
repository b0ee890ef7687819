"""Records of what the test split says about a model."""

from sightline.records.base import FileRecord, Record


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
