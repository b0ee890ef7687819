"""Records of how run B differs from run A."""

from datetime import datetime

from pydantic import Field, JsonValue

from sightline.records.base import Record
from sightline.records.evaluation import ClassMetrics
from sightline.records.result import StageTime


class Side(Record):
    """Key figures of one of the runs."""

    run_id: str
    created: datetime
    dataset: str
    recipe: str
    test_images: int  # Size of the test split
    parameters: int
    model_bytes: int  # Size of `model.keras`
    images_per_second: float  # Training images per second
    epochs: int
    device: str
    seed: int
    stages: dict[str, StageTime]
    total_seconds: float


class ProvenanceRow(Record):
    """One thing that a result depends on, in both runs."""

    name: str  # Such as "data", "code" or "training.device"
    a: JsonValue  # Of A, such as a digest; None if unknown
    b: JsonValue  # Of B
    equal: bool  # Whether both are the same


class Setting(Record):
    """A setting that differs: dotted key, values as JSON text; None if a run lacks it."""

    key: str
    a: str | None
    b: str | None


class Measure(Record):
    """One figure of both runs with its 95 % interval."""

    name: str  # Such as "accuracy", "loss" or "top-2 accuracy"
    a: float | None  # Of A; None if not measured
    b: float | None  # Of B; None if not measured
    a_interval: tuple[float, float] | None = None  # None if unknown
    b_interval: tuple[float, float] | None = None  # None if unknown


class ClassPair(Record):
    """The metrics of one class in both runs."""

    a: ClassMetrics
    b: ClassMetrics


class Flip(Record):
    """A test image that only one of the runs classifies correctly."""

    index: int  # In the test split
    label: str  # Name of its class
    a: str  # Class that A predicts
    a_probability: float  # Confidence of A, in [0, 1]
    b: str  # Class that B predicts
    b_probability: float  # Confidence of B, in [0, 1]
    source: str | None = None  # As B names it; see `Mistake`


class Flips(Record):
    """The test images that only one of the runs classifies correctly."""

    images: int  # Size of the test split
    fixed: int  # Number of images that A gets wrong and B gets right
    broken: int  # Number of images that A gets right and B gets wrong
    p_value: float  # Of McNemar's exact test, two-sided
    fixed_examples: tuple[Flip, ...]  # The most confident predictions of B, in descending order
    broken_examples: tuple[Flip, ...]  # Likewise


class SeedNoise(Record):
    """The difference of A and B beside the noise of different seeds."""

    run_id: str  # The run whose data and config the noise was measured for
    seeds: int  # Number of seeds trained
    difference: float  # Largest difference in accuracy of 95 % of pairs that differ only in seed
    within: bool  # Whether A and B differ by at most that


class RunDifference(Record):
    """How run B differs from run A."""

    a: Side
    b: Side
    sentence: str = ""  # The conclusion, for people
    remarks: tuple[str, ...] = ()  # What could not be compared, and why
    # Data, code, lock file, environment and weights
    provenance: tuple[ProvenanceRow, ...] = Field(min_length=1)
    config: tuple[Setting, ...]  # Settings that differ
    environment: tuple[Setting, ...]  # Differences in machine, versions and device
    measures: tuple[Measure, ...]  # Figures of the test split
    classes: tuple[ClassPair, ...]  # In label order; empty if the classes differ
    flips: Flips | None = None  # None if the test images differ or the predictions cannot be read
    noise: SeedNoise | None = None  # None if it was not measured
