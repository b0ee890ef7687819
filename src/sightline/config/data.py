"""The images: which, how they are read, and how they become arrays."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sightline.config.base import Section, Seed, Side


class DataConfig(Section):
    """Which images to learn from, and how to read them.

    A stage knows the data set by the digest of its source, not by its name or path.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"dataset"})

    dataset: str = Field(
        default="mnist",
        min_length=1,
        description="Name of a data set (see `sightline datasets list`) or a path to your own.",
    )
    image_size: tuple[Side, Side] | None = Field(
        default=None,
        description="Height and width in pixels. Unset: kept where all images agree, else 64x64.",
    )
    channels: Literal[1, 3] | None = Field(
        default=None,
        description="1 for grey, 3 for RGB. Unset: as found; RGB where any image has colour.",
    )
    test_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class set aside for testing where the source has no test split.",
    )
    label_column: str = Field(
        default="label",
        min_length=1,
        description="Column of the labels in CSV and Parquet.",
    )
    image_column: str = Field(
        default="image",
        min_length=1,
        description="Column of the encoded images in Parquet.",
    )
    metadata_columns: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        max_length=20,
        description="Columns of CSV and Parquet that go into the label table as text, such as "
        "the camera or the site; see evaluation.slices.",
    )
    seed: Seed = Field(default=0, description="Seed of the train/test split.")


class PreprocessingConfig(Section):
    """How stored images become training arrays."""

    validation_fraction: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of each class of the training split held out for validation; 0: none.",
    )
    seed: Seed = Field(default=0, description="Seed of the train/validation split.")
