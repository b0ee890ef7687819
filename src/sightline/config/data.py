"""Settings of the data set, its splits and its preprocessing."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from sightline.config.base import Section, Seed, Side

Resize = Literal["stretch", "crop", "letterbox"]
"""How images are brought to another size."""

Name = Annotated[str, Field(min_length=1)]
Column = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
"""Name of a column; `--set data.label_column=0` is a number to TOML."""


def _check_pattern(text: str) -> str:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"expected a regular expression ({error})") from None
    if pattern.groups != 1 and "label" not in pattern.groupindex:
        raise ValueError(r"expected one group, or a group named label, such as ^(\w+)\.")
    return text


class DataConfig(Section):
    """The data set, and how to read it.

    Stages identify a data set by the digest of its content, not by its name or path.
    """

    incidental: ClassVar[frozenset[str]] = frozenset(
        {"dataset", "shard_images", "shard_deployment"}
    )

    dataset: Name = Field(default="mnist", examples=["./photos"])
    """Name of a data set (see `sightline datasets list`), path to your own, or URL such as
    s3://bucket/prefix."""
    image_size: tuple[Side, Side] | None = Field(default=None, examples=[[128, 128]])
    """Height and width in pixels. Unset: the size of the images if they all have the same one,
    else 64x64."""
    resize: Resize | Literal["auto"] = "auto"
    """How images of another size are brought to this one. stretch: ignore their aspect ratio;
    crop: scale the shorter side and cut off the rest; letterbox: scale the longer side and fill
    the rest with black; auto: crop if stretching would distort the images visibly, else
    stretch."""
    unreadable: Literal["fail", "skip"] = "fail"
    """What happens to encoded images that cannot be read. fail: the first one ends the run; skip:
    they are left out, named in a note and counted by the data gate. Finding them takes decoding all
    images once more."""
    white: Literal["auto", 255, 1023, 4095, 65535] = "auto"
    """Value that is white in images of 16 bits. auto: the smallest of these that no image exceeds;
    cameras and scanners often store 10 or 12 bits in 16."""
    store: Literal["auto", "pixels", "encoded"] = "auto"
    """What ingest stores. pixels: decoded images of this size; encoded: the encoded images, which
    are decoded whenever they are read; auto: encoded if the pixels would take more than 8 GiB."""
    channels: Literal[1, 3] | None = None
    """1 for grayscale, 3 for RGB. Unset: RGB if any image has color."""
    test_fraction: float = Field(default=0.2, gt=0, lt=1, examples=[0.1])
    """Fraction of each class held out for testing if the source has no test split."""
    label_column: Column = Field(default="label", examples=["species"])
    """Label column in CSV and Parquet files, and in tables that label image files; its number,
    from 0, in a CSV file without a header. In TFRecord, the feature; in WebDataset, an ending or a
    key of .json."""
    image_column: Column = Field(default="image", examples=["photo"])
    """Column of encoded images in Parquet files. In TFRecord, the feature; in WebDataset, the
    ending of the images."""
    label_pattern: Annotated[str, AfterValidator(_check_pattern)] | None = Field(
        default=None, examples=[r"^(\w+)\."]
    )
    """Regular expression that finds the label in the file name of each image in a folder, by its
    only group or its group `label`, whatever the folders are called. `^(\\w+)\\.` finds cat in
    cat.0.jpg."""
    metadata_columns: tuple[Column, ...] = Field(default=(), max_length=20, examples=[["camera"]])
    """CSV and Parquet columns to copy to the label table as text, such as the camera or the site;
    see evaluation.slices."""
    seed: Seed = 0
    """Random seed of the train/test split."""
    shard_images: int = Field(default=10_000, ge=1, le=1_000_000, examples=[1000])
    """More images in a folder or in Parquet files are ingested in shards of about so many, and the
    features of more images are computed in shards. They are cached, computed and repeated one by
    one. The result is the same."""
    shard_deployment: str | None = Field(default=None, examples=["shard/shard-cpu"])
    """Deployment that computes the shards, as FLOW/DEPLOYMENT, or ray for the nodes of the Ray
    cluster of which this machine is one, which ingest them. Unset: processes of this machine."""


class PreprocessingConfig(Section):
    """How images become training arrays."""

    validation_fraction: float = Field(default=0.0, ge=0, lt=1, examples=[0.1])
    """Fraction of each class of the training split held out for validation. 0: no validation
    split."""
    seed: Seed = 0
    """Random seed of the train/validation split."""
    store: Literal["uint8", "float32"] = "uint8"
    """Training arrays on disk. uint8: those of the stage ingest, scaled to [0, 1] and one-hot
    encoded when they are read; float32: a scaled, one-hot encoded copy, four times as large."""
