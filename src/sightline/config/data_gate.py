"""What the images must be like."""

from typing import Any, Literal

from pydantic import Field, model_validator

from sightline.config.base import Section


class Limit(Section):
    """What one check of the data gate lets pass, and what happens beyond."""

    limit: float = Field(ge=0, description="Largest measure that passes.")
    action: Literal["warn", "fail", "off"] = Field(
        default="warn", description="What a larger one does: warn, stop the run, or nothing."
    )


class Share(Limit):
    """The limit of a check that measures a share; 2 % is 0.02, and beyond 1 nothing would fail."""

    limit: float = Field(ge=0, le=1, description="Largest share that passes.")


class DataGateConfig(Section):
    """What the images must be like before anything is trained on them.

    A measure is the share of the images that are concerned, in the split where it is largest,
    unless the check says otherwise.
    """

    missing_classes: Limit = Field(
        default=Limit(limit=0),
        description="Number of classes without an image in one of the splits.",
    )
    imbalance: Share = Field(
        default=Share(limit=0.9),
        description="By how much the smallest class of the training split falls short of the "
        "largest, as a share of it.",
    )
    blank: Share = Field(default=Share(limit=0), description="Images whose pixels are all alike.")
    saturated: Share = Field(
        default=Share(limit=0.01),
        description="Images that are black or white almost everywhere.",
    )
    duplicates: Share = Field(
        default=Share(limit=0.01), description="Images equal to an earlier one of their split."
    )
    leaks: Share = Field(
        default=Share(limit=0), description="Test images equal to a training image."
    )
    conflicting_labels: Share = Field(
        default=Share(limit=0), description="Images equal to one with another label."
    )
    near_duplicates: Share = Field(
        default=Share(limit=0.05), description="Images much like an earlier one of their split."
    )
    near_leaks: Share = Field(
        default=Share(limit=0.01), description="Test images much like a training image."
    )
    drift: Limit = Field(
        default=Limit(limit=0.1),
        description="How far pixels, brightness or classes of a split moved since the last run "
        "(population stability index; 0.25 is much).",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        """Let a check be changed in part: what is not said stays as it is by default."""
        if not isinstance(values, dict):
            return values
        return {
            name: {**cls.model_fields[name].default.model_dump(), **value}
            if name in cls.model_fields and isinstance(value, dict)
            else value
            for name, value in values.items()
        }
