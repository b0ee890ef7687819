"""What is shipped, and what a model must show before it takes another's place."""

from typing import Annotated, Literal

from pydantic import Field

from sightline.config.base import Section

Format = Literal["keras", "saved_model", "litert", "onnx"]


class ExportConfig(Section):
    """In which formats a model is shipped, and how closely each must agree with it."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="Formats to export. Unset: all whose libraries are installed."
    )
    golden_images: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Test images that each exported file replays; all where there are fewer.",
    )
    tolerance: float = Field(
        default=1e-5,
        ge=0,
        le=1,
        description="Largest difference from a measured class probability.",
    )


class PromotionConfig(Section):
    """When a new model takes the champion's place."""

    gate: Literal["off", "report", "enforce"] = Field(
        default="off",
        description="off: nothing is exported or judged; report: the candidate is judged and "
        "kept; enforce: it becomes the champion where it passes.",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Largest probability of promoting a model that is not better.",
    )
    class_margin: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="Recall that no class may lose, as far as the test images can tell.",
    )
    calibration_margin: float = Field(
        default=0.01, ge=0, le=1, description="By how much the calibration error may grow."
    )
    latency_factor: float = Field(
        default=1.5,
        gt=0,
        description="How many times the champion's time a single image may take.",
    )
    minimum_accuracy: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Test accuracy that a first model must have at least.",
    )
