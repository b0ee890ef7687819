"""Records of what a run came to: its report, its stages, its summary."""

from pydantic import Field

from sightline.records.base import FileRecord, Record
from sightline.records.data import ArraySet, DataGateResult, DatasetFiles
from sightline.records.evaluation import Evaluation
from sightline.records.model import ModelBlueprint, TrainedModel
from sightline.records.promotion import Certificate, Decision, Promotion


class Mistake(Record):
    """A prediction other than the label: index in its split, class names, probability of each."""

    index: int
    label: str
    predicted: str
    probability: float
    label_probability: float


class Report(Record):
    """Output of report: the figures and what they show.

    Attributes:
        figures: Figure name to its PNG: "samples", "layers", "curves", "confusion_matrix",
            "mistakes", and "findings" where there are any.
        thumbnails: One small PNG a mistake, in the order of `mistakes`.
        mistakes: The worst mistakes, the most confident first.
        mistakes_total: How many test examples were misclassified.
    """

    figures: dict[str, FileRecord]
    thumbnails: tuple[FileRecord, ...]
    mistakes: tuple[Mistake, ...]
    mistakes_total: int


class RunComparison(Record):
    """A run beside the last one of its data set.

    Attributes:
        run_id: Id of the last run.
        recipe: Its recipe.
        accuracy: Its test accuracy, in [0, 1].
        loss: Its test loss, in nats.
        fixed: Test images that it had wrong and this run has right; None where it was tested on
            other images, or its predictions cannot be read.
        broken: Test images that it had right and this run has wrong.
        p_value: Of McNemar's exact test (1947), two-sided.
    """

    run_id: str
    recipe: str
    accuracy: float
    loss: float
    fixed: int | None = None
    broken: int | None = None
    p_value: float | None = None


class Spread(Record):
    """How one figure spreads over the seeds.

    Attributes:
        values: One a seed, in the order of the seeds.
        mean: Their mean.
        deviation: Their standard deviation, with n - 1.
        half_width: Half the width of the 95 % interval of the mean, by Student's t.
        difference: What two single runs differ by at most in 95 of 100 cases if nothing but
            their seeds differs, by Student's t.
    """

    values: tuple[float, ...]
    mean: float
    deviation: float
    half_width: float
    difference: float


class StageTime(Record):
    """How long a stage took in this run, and whether its result was already there."""

    seconds: float = Field(ge=0)
    cached: bool


class StageRecords(Record):
    """What the stages returned, and what the gates said: of the data, and of the model.

    Attributes:
        gate: Of the images, between ingest and preprocess.
        export: None where the promotion gate is off.
        decision: None where the promotion gate is off.
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
    """What a finished run tells its caller; the object that `--json` prints.

    Attributes:
        baseline_accuracy: What always naming the most frequent class of the test split would get.
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
