"""Records of what is shipped, and of why."""

from pydantic import Field

from sightline.config import Format
from sightline.records.base import FileRecord, Record


class ExportCheck(Record):
    """One exported form of a model, loaded by its own runtime in a process of its own.

    Attributes:
        format: Which form.
        files: What it consists of; paths relative to the artifacts root, names below the last
            folder `exports/` as they are shipped.
        runtime: Library and version that loaded it, such as "onnxruntime 1.32.0".
        difference: Largest difference of a class probability from what was measured.
        agreement: Share of the golden images that get the same class as was measured.
        load_seconds: Time from a file to a model that answers.
        latency_1: Median seconds for one image.
        latency_256: Median seconds for a batch of 256.
        passed: Whether it agrees, to within the tolerance.
        problem: Why it gave no answer that could be compared, for people; then the difference is 1,
            and what could not be measured is 0.
    """

    format: Format
    files: tuple[FileRecord, ...] = Field(min_length=1)
    runtime: str
    difference: float
    agreement: float
    load_seconds: float
    latency_1: float
    latency_256: float
    passed: bool
    problem: str | None = None


class Certificate(Record):
    """Output of export: that every exported form is the model that was measured.

    Attributes:
        model_sha256: Digest of the `.keras` file that was measured.
        weights_sha256: Digest of its weights.
        golden_images: Test images that each form replayed.
        golden_sha256: Digest of their pixels.
        tolerance: Largest difference that passes.
        exports: One row a form.
        certificate: JSON file of all this.
    """

    model_sha256: str
    weights_sha256: str
    golden_images: int
    golden_sha256: str
    tolerance: float
    exports: tuple[ExportCheck, ...]
    certificate: FileRecord

    @property
    def passed(self) -> bool:
        """Tell whether all forms agree."""
        return all(export.passed for export in self.exports)


class Criterion(Record):
    """One thing that a model must show before it is promoted.

    Attributes:
        name: Short name, such as "mcnemar".
        passed: Whether it did.
        measured: What was measured; None where there was nothing to measure.
        limit: What it was held against.
        sentence: What was found, for people.
    """

    name: str
    passed: bool
    measured: float | None = None
    limit: float | None = None
    sentence: str


class Decision(Record):
    """What the promotion gate says of a candidate.

    Attributes:
        promote: Whether it may take the champion's place: all criteria passed.
        candidate: Its run.
        champion: Version that it was compared with; None where there was none.
        holdout_sha256: Digest of the test images and labels that both were scored on.
        images: How many these are.
        accuracy: The candidate's, in [0, 1].
        champion_accuracy: The champion's on the same images.
        interval: 1 - 2 alpha interval of the difference of the accuracies, by Tango's score test.
        fixed: Images that the champion has wrong and the candidate right.
        broken: Images that the champion has right and the candidate wrong.
        p_value: Of McNemar's exact test, one-sided: that the candidate is not better.
        criteria: What was asked, in order.
        sentence: The decision and its main reason, for people.
    """

    promote: bool
    candidate: str
    champion: str | None = None
    holdout_sha256: str
    images: int
    accuracy: float
    champion_accuracy: float | None = None
    interval: tuple[float, float] | None = None
    fixed: int | None = None
    broken: int | None = None
    p_value: float | None = None
    criteria: tuple[Criterion, ...]
    sentence: str


class Promotion(Record):
    """What became of a run's model in the model store.

    Attributes:
        version: The version that was made of it, such as "mnist-v3"; None where none could be.
        promoted: Whether it is the champion now.
        sentence: What was decided and why, for people.
    """

    version: str | None = None
    promoted: bool
    sentence: str
