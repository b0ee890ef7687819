"""The form of a model's images and its classes: as recorded, if that fits what it computes."""

from sightline.data.decoding.form import MAX_SIDE
from sightline.data.labelling.class_names import MAX_CLASSES, MIN_CLASSES
from sightline.data.readers.base import Shape
from sightline.errors import ModelFileError
from sightline.records import ModelMetadata

Dimensions = tuple[int | None, ...]
"""A shape, None where any size is accepted."""


def fit(
    given: Dimensions,
    computed: Dimensions,
    path: str,
    recorded: ModelMetadata | None,
    stored: ModelMetadata | None,
) -> ModelMetadata:
    """Return the metadata of a model, by default those in its file.

    `given` and `computed` are the shapes of its images and of its probabilities. Raises
    ModelFileError if they do not fit.
    """
    shape, classes = _signature(given, computed, path)
    names = tuple(f"class_{number}" for number in range(classes))
    found = recorded or stored or ModelMetadata(class_names=names, image_shape=shape)
    if len(found.class_names) != classes or found.image_shape != shape:
        raise ModelFileError(
            f"{path} accepts images of {shape} and has {classes} classes; expected "
            f"{found.image_shape} and {len(found.class_names)}, as recorded."
        )
    return found


def _signature(given: Dimensions, computed: Dimensions, path: str) -> tuple[Shape, int]:
    """Return the shape of the images that a model accepts, and the number of its classes."""
    match given, computed:
        case (
            (None, int(height), int(width), 1 | 3 as channels),
            (None, int(classes)),
        ) if max(height, width) <= MAX_SIDE and MIN_CLASSES <= classes <= MAX_CLASSES:
            return (height, width, channels), classes
        case _:
            raise ModelFileError(
                f"{path} maps {given} to {computed}; expected grey or RGB images of one shape, and "
                "a probability for each class."
            )
