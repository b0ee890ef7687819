"""Records of how two runs differ; the first is called A, the second B."""

from datetime import datetime

from pydantic import Field

from sightline.records.base import Record
from sightline.records.evaluation import ClassMetrics
from sightline.records.result import StageTime


class Side(Record):
    """One of the two runs, in short.

    Attributes:
        dataset: The data set's name.
        test_images: How many it was tested on.
        parameters: Of its network.
        model_bytes: Size of its `model.keras`.
        images_per_second: Training images a second.
        epochs: Epochs trained.
        device: What it was trained on.
        seed: Its `training.seed`.
        stages: Stage name to its time.
        total_seconds: Wall time of the whole run.
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


class Ingredient(Record):
    """One thing that both runs were made from or made, by its digest; None where unknown."""

    name: str
    a: str | None
    b: str | None
    equal: bool


class Setting(Record):
    """A setting or a fact that differs: dotted key, value in JSON; None where it is missing."""

    key: str
    a: str | None
    b: str | None


class Measure(Record):
    """One figure of both runs with its 95 % interval.

    Attributes:
        name: Such as "accuracy", "loss" or "top-2 accuracy".
        a: Of A; None where it was not measured.
        b: Of B.
        a_interval: None where none is known.
        b_interval: None where none is known.
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


class Reversal(Record):
    """A test image that one run has right and the other wrong.

    Attributes:
        index: In the test split.
        label: Its class.
        a: What A takes it for.
        a_probability: How sure A is of that, in [0, 1].
        b: What B takes it for.
        b_probability: How sure B is of that, in [0, 1].
    """

    index: int
    label: str
    a: str
    a_probability: float
    b: str
    b_probability: float


class Reversals(Record):
    """Both runs image by image.

    Attributes:
        images: Test images that both saw.
        fixed: How many A has wrong and B right.
        broken: How many A has right and B wrong.
        p_value: Of McNemar's exact test, two-sided.
        fixed_examples: Some of the fixed ones, those first of which B is surest.
        broken_examples: Some of the broken ones, those first of which B is surest.
    """

    images: int
    fixed: int
    broken: int
    p_value: float
    fixed_examples: tuple[Reversal, ...]
    broken_examples: tuple[Reversal, ...]


class SeedNoise(Record):
    """How far accuracies lie apart that differ in the seed alone.

    Attributes:
        run_id: The run whose data and config this was measured for.
        seeds: How many seeds were trained.
        difference: What two such runs differ by at most in 95 of 100 cases.
        within: Whether A and B differ by no more.
    """

    run_id: str
    seeds: int
    difference: float
    within: bool


class RunDifference(Record):
    """How run B differs from run A.

    Attributes:
        sentence: What came out, for people.
        remarks: What could not be compared, and why.
        ingredients: Data, code, lock file, environment and weights.
        config: Settings that differ.
        environment: What differs of the machines, the versions and the devices.
        measures: Both side by side.
        classes: In label order; empty where the classes differ.
        reversals: None where that cannot be told.
        noise: None where none was measured.
    """

    a: Side
    b: Side
    sentence: str = ""
    remarks: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = Field(min_length=1)
    config: tuple[Setting, ...]
    environment: tuple[Setting, ...]
    measures: tuple[Measure, ...]
    classes: tuple[ClassPair, ...]
    reversals: Reversals | None = None
    noise: SeedNoise | None = None
