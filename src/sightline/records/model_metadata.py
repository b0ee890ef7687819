"""What a model file says about itself: the form of its images and the names of its classes."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from sightline.config import Resize
from sightline.records.base import Record

FILE = "sightline.json"
"""Name of the file with the metadata in formats that hold files."""


class ModelMetadata(Record):
    """How an image becomes the input of a model, and what its outputs are.

    Its JSON is in every model file. Images are upright and in sRGB; the model scales the pixels to
    [0, 1] itself.
    """

    version: Literal[1] = 1
    # Names in the order of the probabilities
    class_names: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        min_length=2, max_length=1000
    )
    image_shape: tuple[int, int, int]  # Height, width and channels (1: grey, 3: RGB)
    dtype: Literal["uint8"] = "uint8"  # Pixels from 0 (black) to 255 (white)
    resize: Resize = "stretch"  # How images of another size are brought to this one
    resampling: Literal["lanczos"] = "lanczos"
    # Value that is white in images of 16 bits; larger ones are white, too
    white: int = Field(default=65535, ge=1, le=65535)
    background: Literal[255] = 255  # Gray value behind transparent pixels

    @classmethod
    def of(cls, source: Any) -> Self:
        """Return the metadata of a model, from a record with fields of the same names."""
        return cls.model_validate(source, from_attributes=True)
