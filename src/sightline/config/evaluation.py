"""Settings of the evaluation and the report."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.config.base import Section


class EvaluationConfig(Section):
    """How the trained model is evaluated."""

    depth: Literal["quick", "standard", "full"] = Field(default="standard", examples=["full"])
    """How much to measure. standard: saliency maps, label errors and the robustness test take as
    many images as cost, with the predictions of the test split, 15 % of the training; samples too
    small to say something are left out. full: as many images as the other settings allow. quick:
    none of these three."""
    batch_size: int = Field(default=500, ge=1, le=65_536, examples=[100])
    """Maximum number of images per prediction batch; fewer if images are large."""
    calibration_bins: int = Field(default=15, ge=2, le=100, examples=[10])
    """Number of equal-width confidence bins of the calibration error."""
    slices: tuple[str, ...] = Field(default=(), max_length=20, examples=[["camera"]])
    """Columns of the label table; accuracy is reported for each of their values."""
    robustness_images: int = Field(default=1000, ge=0, examples=[0])
    """Maximum number of test images for the robustness test: seven corruptions, five severities.
    0: skip."""
    saliency_images: int = Field(default=8, ge=0, le=200, examples=[0])
    """Number of most confident mistakes for which to compute a saliency map. 0: skip."""
    label_error_threshold: float = Field(default=0.95, gt=0, le=1, examples=[0.9])
    """A training image is reported as a possible label error if the model predicts another class
    with at least this probability. 1: skip."""
    duplicate_similarity: float = Field(default=0.95, gt=0, le=1, examples=[0.98])
    """Least cosine similarity of the features of two images that counts them as near duplicates,
    for a network with frozen layers."""


class ReportConfig(Section):
    """What the report and the model card show."""

    incidental: ClassVar[frozenset[str]] = frozenset({"license"})

    license: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9.-]{0,49}$", examples=["mit"]
    )
    """Licence of the model in the model card, as the Hugging Face Hub abbreviates it, such as mit,
    apache-2.0 or cc-by-4.0. Unset: the card names none."""
    mistakes: int = Field(default=24, ge=0, le=200, examples=[100])
    """Number of most confident mistakes to show."""
