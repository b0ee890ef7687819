"""Records of scored images: comparisons with the test images, labels that came later."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from sightline.records.base import Record
from sightline.records.evaluation import Interval

MeasureName = Literal["brightness", "contrast", "classes", "confidence", "features"]


class DriftMeasure(Record):
    """One comparison of scored images with the test images of the model."""

    name: MeasureName
    size: float  # Of the difference, from 0 (none) to 1
    limit: float  # Smallest size that matters
    p_value: float  # Adjusted for the number of measures by Holm's method (1979)
    drift: bool  # Whether it is beyond chance and of a size that matters

    @property
    def sentence(self) -> str:
        """Write it as "features 0.310 (limit 0.02, p 0.001)"."""
        p = f"p {self.p_value:.3f}" if self.p_value >= 0.001 else "p < 0.001"  # noqa: PLR2004
        return f"{self.name} {self.size:.3f} (limit {self.limit:g}, {p})"


class ScoringCheck(Record):
    """What became of the images that were scored since the check before."""

    id: str  # Time and digest
    created: datetime  # In UTC
    model: str  # Name of the version or run
    model_sha256: str
    images: int
    failed: int  # Number of those that could not be read
    abstained: int
    classes: dict[str, int]  # Class name to the number of images, in label order
    confidence: float  # Mean probability of the predicted class
    parts: tuple[str, ...]  # Their files
    compared: int = 0  # Size of the random sample that was compared; 0 if there was no comparison
    measures: tuple[DriftMeasure, ...] = ()
    false_alarm_rate: float  # Of all measures together
    event_sent: bool = False

    @property
    def drift(self) -> bool:
        """Whether any measure shows drift."""
        return any(one.drift for one in self.measures)


class LiveAccuracy(Record):
    """Accuracy by labels that came after the scores, beside that on the test split."""

    model: str
    images: int
    correct: int
    interval: Interval  # 95 % Wilson score interval
    unmatched: int  # Labels of files without a prediction by this model
    unknown_class: int  # Labels that are no class of the model, which count as mistakes
    test_images: int
    test_accuracy: float
    test_interval: Interval
    p_value: float  # Fisher's exact test of equal accuracies, two-sided
    days: dict[str, tuple[int, int]] = Field(default_factory=dict)  # Day to (correct, images)

    @property
    def accuracy(self) -> float:
        """Share of correct predictions."""
        return self.correct / self.images

    @property
    def differs(self) -> bool:
        """Whether the difference to the test accuracy is beyond chance, at 5 %."""
        return self.p_value < 0.05  # noqa: PLR2004

    @property
    def sentence(self) -> str:
        """Compare both in one sentence."""
        low, high = self.interval
        if self.differs:
            worse = self.accuracy < self.test_accuracy
            verdict = f"{'worse' if worse else 'better'} beyond chance (p {self.p_value:.2g})"
        else:
            verdict = f"no difference beyond chance (p {self.p_value:.2g})"
        return (
            f"live accuracy {self.accuracy:.2%} ({low:.2%} to {high:.2%}) of {self.images:,} "
            f"labelled images, {self.test_accuracy:.2%} on the test split: {verdict}"
        )


class ScoringStatus(Record):
    """The state of some scores: the content of their `_latest.json`."""

    name: str
    data: str  # Path or URL of the images
    created: datetime  # In UTC
    model: str
    images: int  # Number of images of all checks of this model
    drift: bool  # By the last check of this model
    drift_since: datetime | None = None  # Time of the check in which it started, if it lasts
    measures: tuple[DriftMeasure, ...] = ()  # Of the last check
    live: LiveAccuracy | None = None
    page: str = ""  # Path of the page; "" before the first check

    @property
    def sentence(self) -> str:
        """Summarize it in one line."""
        if self.drift and self.drift_since:
            found = ", ".join(one.sentence for one in self.measures if one.drift)
            state = f"drift since {self.drift_since:%Y-%m-%d}: {found}"
        else:
            compared = "no drift" if self.measures else "not compared: the model has no profile"
            state = compared if self.images else "too few for a comparison yet"
        live = f"; {self.live.sentence}" if self.live else ""
        return f"{self.name}: {self.images:,} images scored by {self.model}; {state}{live}"
