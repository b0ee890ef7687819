"""Settings of the comparison of scored images with the test images of the model."""

from pydantic import Field

from sightline.config.base import Section


class MonitoringConfig(Section):
    """When images that `sightline score` scores count as drifted; see docs/monitoring.md."""

    false_alarm_rate: float = Field(default=0.01, ge=0.001, le=0.5, examples=[0.001])
    """Probability of an alarm in a scoring whose images are like the test images, over all
    measures together."""
    least_shift: float = Field(default=0.1, ge=0, le=1, examples=[0.2])
    """Smallest distance of brightness, contrast and confidence (Kolmogorov-Smirnov) and of the
    predicted classes (total variation) that matters, however certain it is."""
    least_distance: float = Field(default=0.02, ge=0, le=1, examples=[0.05])
    """The same for the features: their energy distance, from 0 (alike) to 1."""
    least_images: int = Field(default=50, ge=10, le=1000, examples=[200])
    """Fewest images to compare; fewer wait for those of the next scoring."""
