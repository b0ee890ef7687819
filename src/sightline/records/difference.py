"""Records of how run B differs from run A."""

from datetime import datetime

from pydantic import Field, JsonValue

from sightline.records.base import Record
from sightline.records.evaluation import ClassMetrics
from sightline.records.result import StageTime


class Side(Record):
    """Key figures of one of the runs.

    Attributes:
        test_images: Size of the test split.
        model_bytes: Size of `model.keras`.
        images_per_second: Training images per second.
    """

    run_id: str
    created: datetime
    dataset: str
    recipe: str
    test_images: int
    parameters: int
    model_bytes: int
    images_per_second: float
    epochs: int
    device: str
    seed: int
    stages: dict[str, StageTime]
    total_seconds: float


class ProvenanceRow(Record):
    """One thing that a result depends on, in both runs.

    Attributes:
        name: Such as "data", "code" or "training.device".
        a: Of A, such as a digest; None if unknown.
        b: Of B.
        equal: Whether both are the same.
    """

    name: str
    a: JsonValue
    b: JsonValue
    equal: bool


class Setting(Record):
    """A setting that differs: dotted key, values as JSON text; None if a run lacks it."""

    key: str
    a: str | None
    b: str | None


class Measure(Record):
    """One figure of both runs with its 95 % interval.

    Attributes:
        name: Such as "accuracy", "loss" or "top-2 accuracy".
        a: Of A; None if not measured.
        b: Of B; None if not measured.
        a_interval: None if unknown.
        b_interval: None if unknown.
    """

    name: str
    a: float | None
    b: float | None
    a_interval: tuple[float, float] | None = None
    b_interval: tuple[float, float] | None = None


class ClassPair(Record):
    """The metrics of one class in both runs."""

    a: ClassMetrics
    b: ClassMetrics


class Flip(Record):
    """A test image that only one of the runs classifies correctly.

    Attributes:
        index: In the test split.
        label: Name of its class.
        a: Class that A predicts.
        a_probability: Confidence of A, in [0, 1].
        b: Class that B predicts.
        b_probability: Confidence of B, in [0, 1].
    """

    index: int
    label: str
    a: str
    a_probability: float
    b: str
    b_probability: float


class Flips(Record):
    """The test images that only one of the runs classifies correctly.

    Attributes:
        images: Size of the test split.
        fixed: Number of images that A gets wrong and B gets right.
        broken: Number of images that A gets right and B gets wrong.
        p_value: Of McNemar's exact test, two-sided.
        fixed_examples: Some of the fixed images, B's most confident predictions first.
        broken_examples: Some of the broken images, B's most confident predictions first.
    """

    images: int
    fixed: int
    broken: int
    p_value: float
    fixed_examples: tuple[Flip, ...]
    broken_examples: tuple[Flip, ...]


class SeedNoise(Record):
    """The difference of A and B beside the noise of different seeds.

    Attributes:
        run_id: The run whose data and config the noise was measured for.
        seeds: Number of seeds trained.
        difference: Bound on the difference in accuracy of 95 % of pairs that differ only in seed.
        within: Whether A and B differ by at most that.
    """

    run_id: str
    seeds: int
    difference: float
    within: bool


class RunDifference(Record):
    """How run B differs from run A.

    Attributes:
        sentence: The conclusion, for people.
        remarks: What could not be compared, and why.
        provenance: Data, code, lock file, environment and weights.
        config: Settings that differ.
        environment: Differences in machine, versions and device.
        measures: Figures of the test split.
        classes: In label order; empty if the classes differ.
        flips: None if the test images differ or the predictions cannot be read.
        noise: None if it was not measured.
    """

    a: Side
    b: Side
    sentence: str = ""
    remarks: tuple[str, ...] = ()
    provenance: tuple[ProvenanceRow, ...] = Field(min_length=1)
    config: tuple[Setting, ...]
    environment: tuple[Setting, ...]
    measures: tuple[Measure, ...]
    classes: tuple[ClassPair, ...]
    flips: Flips | None = None
    noise: SeedNoise | None = None
