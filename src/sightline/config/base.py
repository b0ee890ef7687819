"""What all sections share."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=8, le=4096)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel):
    """One part of the config: frozen, and closed to unknown keys.

    Attributes:
        incidental: Fields that no stage computes with; they stay out of cache keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incidental: ClassVar[frozenset[str]] = frozenset()
