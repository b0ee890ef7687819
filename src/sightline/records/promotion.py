"""Records of exports and promotions."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sightline.config import Format
from sightline.records.base import FileRecord, Record

Outcome = Literal["passed", "failed", "skipped"]
"""Skipped: there was nothing to compare with."""


class ExportCheck(Record):
    """Result of running one export with its own runtime, in its own process."""

    format: Format
    # Files of the export; the part of the path after `exports/` is the shipped name
    files: tuple[FileRecord, ...] = Field(min_length=1)
    runtime: str  # Library and version, such as "onnxruntime 1.32.0"
    difference: float  # Largest absolute difference from the class probabilities of `evaluate`
    agreement: float  # Fraction of the golden images with the same predicted class
    load_seconds: float  # Time to load the model
    latency_1: float  # Median seconds for one image
    latency_256: float  # Median seconds for a batch of 256
    passed: bool  # Whether the difference is within the tolerance
    # Why the export could not be run; then `difference` is 1, and what was not measured is 0
    problem: str | None = None


class Certificate(Record):
    """Output of export: whether every export matches the evaluated model."""

    model_sha256: str  # Digest of the evaluated `.keras` file
    weights_sha256: str
    golden_images: int  # Number of test images that each export was run on
    golden_sha256: str  # Digest of their pixels
    tolerance: float  # Largest difference that passes
    exports: tuple[ExportCheck, ...]
    certificate: FileRecord  # JSON file with the content of this record

    @property
    def passed(self) -> bool:
        """Whether all exports passed."""
        return all(export.passed for export in self.exports)


class Criterion(Record):
    """One criterion of the promotion gate."""

    name: str  # Short name, such as "mcnemar"
    outcome: Outcome
    measured: float | None = None  # The measured value; None if there is none
    limit: float | None = None  # The value it was compared with
    sentence: str  # The result in one sentence

    @model_validator(mode="before")
    @classmethod
    def _read_passed(cls, content: Any) -> Any:
        """Read older records, which have `passed` instead of the outcome."""
        if isinstance(content, dict) and isinstance(content.get("passed"), bool):
            content = dict(content)
            content["outcome"] = "passed" if content.pop("passed") else "failed"
        return content

    @classmethod
    def checked(cls, name: str, sentence: str, *, passed: bool, **numbers: float) -> Self:
        """Return a criterion that was checked; `numbers` are what was measured, and the limit."""
        outcome: Outcome = "passed" if passed else "failed"
        return cls(name=name, outcome=outcome, sentence=sentence, **numbers)

    @property
    def failed(self) -> bool:
        """Whether it forbids the promotion."""
        return self.outcome == "failed"


class Decision(Record):
    """Decision of the promotion gate."""

    promote: bool  # Whether no criterion failed
    candidate: str  # Id of the candidate's run
    champion: str | None = None  # Version that it was compared with; None if there was no champion
    holdout_sha256: str  # Digest of the test images and labels
    images: int  # Number of test images
    accuracy: float  # Test accuracy of the candidate, in [0, 1]
    champion_accuracy: float | None = None  # Test accuracy of the champion, in [0, 1]
    # 1 - 2 alpha confidence interval of the difference in accuracy, by Tango's score test
    interval: tuple[float, float] | None = None
    fixed: int | None = None  # Number of images that only the candidate classifies correctly
    broken: int | None = None  # Number of images that only the champion classifies correctly
    p_value: float | None = None  # One-sided p-value of McNemar's exact test
    criteria: tuple[Criterion, ...]
    sentence: str  # The decision and its main reason


class Promotion(Record):
    """Registration and promotion of a run's model."""

    version: str | None = None  # Such as "mnist-v3"; None if it was not registered
    promoted: bool  # Whether it is the champion now
    refused: bool = False  # Whether it was refused; if neither, it is the candidate
    sentence: str  # The decision and its reason

    @property
    def result(self) -> Literal["promoted", "refused", "candidate"]:
        """What became of the model."""
        return "promoted" if self.promoted else "refused" if self.refused else "candidate"

    @property
    def outcome(self) -> str:
        """What became of the model, and why, such as "mnist-v3 refused: ..."."""
        reason = self.sentence.removeprefix("Refused: ")
        return f"{self.version or 'The model'} {self.result}: {reason}"
