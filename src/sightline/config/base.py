"""The base class and the field types that all sections share."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=8, le=4096)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, examples=[1])]


class Section(BaseModel):
    """A frozen section of the config that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    # Fields that do not affect any result; they are left out of cache keys
    incidental: ClassVar[frozenset[str]] = frozenset()
