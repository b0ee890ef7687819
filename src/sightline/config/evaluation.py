"""What is measured, and what of it is shown."""

from pydantic import Field

from sightline.config.base import Section


class EvaluationConfig(Section):
    """How the trained model is measured, and how deeply."""

    batch_size: int = Field(
        default=500,
        ge=1,
        le=65_536,
        description="Most images a prediction step; fewer of large ones.",
    )
    calibration_bins: int = Field(
        default=15,
        ge=2,
        le=100,
        description="Bins of equal width that the highest probability is counted in.",
    )
    slices: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Columns of the label table; accuracy is given for each of their values.",
    )
    robustness_images: int = Field(
        default=1000,
        ge=0,
        description="Test images that are corrupted in seven ways and five severities; 0: none.",
    )
    saliency_images: int = Field(
        default=8,
        ge=0,
        le=200,
        description="Of how many of the surest mistakes to show which pixels speak for the wrong "
        "class; 0: none.",
    )
    label_error_threshold: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Probability of another class from which on the label of a training image is "
        "doubted; 1: no training image is looked at.",
    )


class ReportConfig(Section):
    """What the report shows."""

    mistakes: int = Field(
        default=24, ge=0, le=200, description="How many of the worst mistakes to show."
    )
