"""Records of shards: parts of a data set that are ingested or embedded one by one."""

from typing import ClassVar

from pydantic import Field

from sightline.config import EmbeddingConfig, Resize
from sightline.records.base import ArrayFile, FileRecord, ImagesFile, Record, Sha256
from sightline.records.data import ArraySplit
from sightline.records.model import ModelBlueprint


class Shard(Record):
    """Images to ingest together, and the form to which they are brought.

    It is identified by the content of the images, not by their places.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"folder", "names", "column", "heic"})

    folder: str  # Absolute path of the data set, or URL below which its files are
    # JSON: `images`, the path of each below the folder, in order, or its row, see
    # `data.sharding.places.Row`; `files`, behind a URL: path to size and version
    names: FileRecord
    column: str = ""  # Column of the images in Parquet files
    images: int = Field(ge=1)
    # Digest of the digests of all images, in order: the SHA-256 of the encoded images or, behind a
    # URL, of their names, sizes and versions
    content: Sha256
    shape: tuple[int, int, int]  # Height, width and channels, as the fields below
    resize: Resize
    white: int
    encoded: bool  # Whether the encoded images are stored instead of their pixels
    heic: bool  # Whether the source may hold HEIC images


class Partition(Record):
    """The shards of each split of a source, in the order of its images."""

    splits: dict[str, tuple[Shard, ...]]


class IngestedShard(Record):
    """A shard in the cache."""

    images: ImagesFile  # uint8 (n, height, width, channels)
    # NPY (n,) of `data.sharding.shard.ROW`: what is known of each image
    rows: FileRecord


class SurveyedFiles(Record):
    """What the headers of images say that lie behind a URL, in the cache."""

    headers: ArrayFile  # int64 NPY (n, 7): a row for each image, see `data.remote.headers`


class FeatureShard(Record):
    """Images of a split whose features are computed together.

    It is identified by the pixels of the images, not by their places in the split.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"split", "first", "done", "total"})

    split: ArraySplit  # The whole split, of images
    first: int = Field(ge=0)  # Number of the first image in the split
    images: int = Field(ge=1)
    content: Sha256  # Digest of the SHA-256 of all images' pixels, in order
    blueprint: ModelBlueprint
    settings: EmbeddingConfig  # With the views of this split
    dtype: str = "float16"  # Of the features
    done: int = Field(ge=0)  # Views before the shard, in all splits, for the progress
    total: int = Field(ge=1)  # Views of all splits


class EmbeddedShard(Record):
    """Features of a shard in the cache."""

    features: ArrayFile  # float16 or float32 (n, views, ...)
    digests: ArrayFile  # uint8 (n, 32): the SHA-256 of the pixels of each image
    front: str  # Identifies the frozen layers and settings, see `training.features`
