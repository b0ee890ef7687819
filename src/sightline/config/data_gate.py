"""Limits of the data quality checks that run before training."""

from typing import Any, Literal

from pydantic import Field, model_validator

from sightline.config.base import Section


class Limit(Section):
    """The limit of one check of the data gate."""

    limit: float = Field(ge=0, description="Largest value that passes.")
    action: Literal["warn", "fail", "off"] = Field(
        default="warn",
        description="What happens above the limit: log a warning, stop the run, or nothing.",
    )


class Share(Limit):
    """The limit of a check that measures a fraction in [0, 1]."""

    limit: float = Field(ge=0, le=1, description="Largest fraction that passes.")


class DataGateConfig(Section):
    """Limits of the data quality checks.

    Unless its description says otherwise, a check measures the fraction of affected images in
    the split where it is largest.
    """

    missing_classes: Limit = Field(
        default=Limit(limit=0),
        description="Number of classes that have no image in one of the splits.",
    )
    imbalance: Share = Field(
        default=Share(limit=0.9),
        description="1 - size of the smallest class / size of the largest class, in the training "
        "split.",
    )
    blank: Share = Field(
        default=Share(limit=0), description="Images whose pixels all have the same value."
    )
    saturated: Share = Field(
        default=Share(limit=0.01), description="Images that are almost entirely black or white."
    )
    duplicates: Share = Field(
        default=Share(limit=0.01), description="Exact duplicates of another image of their split."
    )
    leaks: Share = Field(
        default=Share(limit=0), description="Test images that are also in the training split."
    )
    conflicting_labels: Share = Field(
        default=Share(limit=0), description="Identical images that have different labels."
    )
    near_duplicates: Share = Field(
        default=Share(limit=0.05), description="Near duplicates of another image of their split."
    )
    near_leaks: Share = Field(
        default=Share(limit=0.01), description="Test images that nearly match a training image."
    )
    drift: Limit = Field(
        default=Limit(limit=0.1),
        description="Drift of pixel values, brightness or class frequencies since the last run "
        "(population stability index; above 0.25 is usually considered large).",
    )

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
