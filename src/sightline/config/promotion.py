"""Settings of the exports and the promotion gate."""

from typing import Annotated, Literal

from pydantic import Field

from sightline.config.base import Section

Format = Literal["keras", "saved_model", "litert", "onnx"]


class ExportConfig(Section):
    """Export formats, and how closely each must match the trained model."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1, max_length=4)] | None = Field(
        default=None, examples=[["keras", "onnx"]]
    )
    """Formats to export. Unset: all whose libraries are installed."""
    golden_images: int = Field(default=1000, ge=1, le=100_000, examples=[100])
    """Number of test images on which each export is compared with the model."""
    tolerance: float = Field(default=1e-5, ge=0, le=1, examples=[1e-4])
    """Largest absolute difference allowed in a class probability."""


class PromotionConfig(Section):
    """When a candidate replaces the champion."""

    gate: Literal["off", "report", "enforce"] = "off"
    """off: no export and no comparison; report: export the candidate and compare it with the
    champion; enforce: also promote it if it passes."""
    rebaseline: bool = False
    """If the test images or labels changed since the champion was promoted, score both models on
    the new ones and compare them there, instead of refusing the candidate."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5, examples=[0.01])
    """Significance level: the largest probability of promoting a model that is not better."""
    recall_margin: float = Field(default=0.02, gt=0, le=1, examples=[0.05])
    """Non-inferiority margin: the test images must show that no class loses this much recall."""
    recall_power: float = Field(default=0.9, ge=0, lt=1, examples=[0])
    """Probability that a model which loses recall in no class passes: where a class has too few
    test images, the margin is as wide as that takes. A class may also lose what the whole test set
    gains for certain. 0: the margin holds whatever the test images can show."""
    calibration_margin: float = Field(default=0.01, ge=0, le=1, examples=[0.02])
    """Largest increase allowed in the expected calibration error."""
    latency_factor: float = Field(default=3.0, gt=0, examples=[10])
    """Largest allowed ratio of the candidate's single-image latency to the champion's, which larger
    images and networks raise."""
    minimum_accuracy: float | None = Field(default=None, ge=0, le=1, examples=[0.9])
    """Test accuracy required of the first model of a data set, which in any case must be better
    than the majority class. Unset: it must not be worse than the logistic regression of the
    report."""
