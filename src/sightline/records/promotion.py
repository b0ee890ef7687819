"""Records of exports and promotions."""

from pydantic import Field

from sightline.config import Format
from sightline.records.base import FileRecord, Record


class ExportCheck(Record):
    """Result of running one export with its own runtime, in its own process.

    Attributes:
        files: Files of the export; the part of the path after `exports/` is the shipped name.
        runtime: Library and version, such as "onnxruntime 1.32.0".
        difference: Largest absolute difference from the class probabilities of `evaluate`.
        agreement: Fraction of the golden images with the same predicted class.
        load_seconds: Time to load the model.
        latency_1: Median seconds for one image.
        latency_256: Median seconds for a batch of 256.
        passed: Whether the difference is within the tolerance.
        problem: Why the export could not be run; then `difference` is 1, and what was not
            measured is 0.
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
    """Output of export: whether every export matches the evaluated model.

    Attributes:
        model_sha256: Digest of the evaluated `.keras` file.
        golden_images: Number of test images that each export was run on.
        golden_sha256: Digest of their pixels.
        tolerance: Largest difference that passes.
        certificate: JSON file with the content of this record.
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
        """Whether all exports passed."""
        return all(export.passed for export in self.exports)


class Criterion(Record):
    """One criterion of the promotion gate.

    Attributes:
        name: Short name, such as "mcnemar".
        measured: The measured value; None if there is none.
        limit: The value it was compared with.
        sentence: The result in one sentence.
    """

    name: str
    passed: bool
    measured: float | None = None
    limit: float | None = None
    sentence: str


class Decision(Record):
    """Decision of the promotion gate.

    Attributes:
        promote: Whether all criteria passed.
        candidate: Id of the candidate's run.
        champion: Version that it was compared with; None if there was no champion.
        holdout_sha256: Digest of the test images and labels.
        images: Number of test images.
        accuracy: Test accuracy of the candidate, in [0, 1].
        champion_accuracy: Test accuracy of the champion, in [0, 1].
        interval: 1 - 2 alpha confidence interval of the difference in accuracy, by Tango's
            score test.
        fixed: Number of images that only the candidate classifies correctly.
        broken: Number of images that only the champion classifies correctly.
        p_value: One-sided p-value of McNemar's exact test.
        sentence: The decision and its main reason.
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
    """Registration and promotion of a run's model.

    Attributes:
        version: The registered version, such as "mnist-v3"; None if it was not registered.
        promoted: Whether it is the champion now.
        sentence: The decision and its reason.
    """

    version: str | None = None
    promoted: bool
    sentence: str
