"""Records of a run's report, stages and summary."""

from pydantic import Field

from sightline.records.base import FileRecord, Record
from sightline.records.data import ArraySet, DataGateResult, DatasetFiles
from sightline.records.evaluation import Evaluation
from sightline.records.model import ModelBlueprint, TrainedModel
from sightline.records.promotion import Certificate, Decision, Promotion


class Mistake(Record):
    """A wrong prediction: index in its split, class names and their probabilities."""

    index: int
    label: str
    predicted: str
    probability: float
    label_probability: float


class Report(Record):
    """Output of report: its figures and the mistakes that it shows.

    Attributes:
        figures: Figure name to its PNG: "samples", "layers", "curves", "confusion_matrix",
            "mistakes", and "findings" where there are any.
        thumbnails: One PNG per mistake, in the order of `mistakes`.
        mistakes: The most confident mistakes, in descending order of confidence.
        mistakes_total: Number of misclassified test images.
    """

    figures: dict[str, FileRecord]
    thumbnails: tuple[FileRecord, ...]
    mistakes: tuple[Mistake, ...]
    mistakes_total: int


class RunComparison(Record):
    """Comparison with the previous run of the same data set.

    Attributes:
        run_id: Id of the previous run.
        recipe: Its recipe.
        accuracy: Its test accuracy, in [0, 1].
        loss: Its test loss, in nats.
        fixed: Number of test images that only this run classifies correctly; None if the test
            images differ or the previous predictions cannot be read.
        broken: Number of test images that only the previous run classifies correctly.
        p_value: Two-sided p-value of McNemar's exact test (1947).
    """

    run_id: str
    recipe: str
    accuracy: float
    loss: float
    fixed: int | None = None
    broken: int | None = None
    p_value: float | None = None


class Spread(Record):
    """Spread of one metric over random seeds.

    Attributes:
        values: One value per seed.
        deviation: Sample standard deviation (n - 1).
        half_width: Half the width of the 95 % confidence interval of the mean (Student's t).
        difference: Largest difference between two seeds in 95 % of cases (Student's t).
    """

    values: tuple[float, ...]
    mean: float
    deviation: float
    half_width: float
    difference: float


class StageTime(Record):
    """Duration of a stage in this run, and whether its result came from the cache."""

    seconds: float = Field(ge=0)
    cached: bool


class StageRecords(Record):
    """Outputs of all stages, of the data gate and of the promotion gate.

    Attributes:
        gate: Result of the data gate.
        export: None if the promotion gate is off.
        decision: None if the promotion gate is off.
    """

    ingest: DatasetFiles
    gate: DataGateResult | None = None
    preprocess: ArraySet
    build: ModelBlueprint
    train: TrainedModel
    evaluate: Evaluation
    report: Report
    export: Certificate | None = None
    decision: Decision | None = None


class RunSummary(Record):
    """Summary of a finished run; the object that `--json` prints.

    Attributes:
        baseline_accuracy: Accuracy of always predicting the most frequent class.
    """

    run_id: str
    run_dir: str
    dataset: str
    recipe: str
    parameters: int
    test_accuracy: float
    baseline_accuracy: float
    test_loss: float
    stages: dict[str, StageTime]
    total_seconds: float
    promotion: Promotion | None = None
