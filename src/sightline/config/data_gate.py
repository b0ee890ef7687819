"""Limits of the data quality checks that run before training."""

from typing import Any, Literal

from pydantic import Field, model_validator

from sightline.config.base import Section


class Limit(Section):
    """The limit of one check of the data gate."""

    limit: float = Field(ge=0, examples=[1])
    """Largest value that passes."""
    action: Literal["warn", "fail", "off"] = "warn"
    """What happens above the limit: log a warning, stop the run, or nothing."""


class Share(Limit):
    """The limit of a check that measures a fraction in [0, 1]."""

    limit: float = Field(ge=0, le=1, examples=[0.02])
    """Largest fraction that passes."""


class Loss(Share):
    """The limits of a check that measures a fraction of what a data set holds that was left out."""

    fail_above: float = Field(default=0.5, ge=0, le=1, examples=[0.2])
    """Fraction above which the run stops although the action is "warn"."""


class DataGateConfig(Section):
    """Limits of the data quality checks.

    Unless its description says otherwise, a check measures the fraction of affected images in
    the split where it is largest.
    """

    left_out: Loss = Loss(limit=0.01)
    """Files of an image folder that were left out, such as those that are no images."""
    unreadable: Loss = Loss(limit=0)
    """Images that cannot be read and were left out; see data.unreadable."""
    missing_classes: Limit = Limit(limit=0)
    """Number of classes that have no image in one of the splits."""
    imbalance: Share = Share(limit=0.9)
    """1 - size of the smallest class / size of the largest class, in the training split."""
    blank: Share = Share(limit=0)
    """Images whose pixels all have the same value."""
    saturated: Share = Share(limit=0.01)
    """Images that are almost entirely black or white."""
    duplicates: Share = Share(limit=0.01)
    """Exact duplicates of another image of their split."""
    leaks: Share = Share(limit=0)
    """Test images that are also in the training or validation split, and validation images that are
    also in the training split."""
    conflicting_labels: Share = Share(limit=0)
    """Identical images that have different labels."""
    near_duplicates: Share = Share(limit=0.05)
    """Near duplicates of another image of their split."""
    near_leaks: Share = Share(limit=0.01)
    """Test images that nearly match a training image."""
    drift: Limit = Limit(limit=0.1)
    """Drift of pixel values, brightness or class frequencies since the last run (population
    stability index; above 0.25 is usually considered large)."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_defaults(cls, values: Any) -> Any:
        """Complete a check of which only the limit or only the action is given."""
        if not isinstance(values, dict):
            return values
        return {
            name: {**cls.model_fields[name].default.model_dump(), **value}
            if name in cls.model_fields and isinstance(value, dict)
            else value
            for name, value in values.items()
        }
