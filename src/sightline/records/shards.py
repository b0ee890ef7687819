"""Records of shards: parts of a folder of images that are ingested one by one."""

from typing import ClassVar

from pydantic import Field

from sightline.config import Resize
from sightline.records.base import FileRecord, ImagesFile, Record, Sha256


class Shard(Record):
    """Images to ingest together, and the form to which they are brought.

    It is identified by the content of the images, not by their names.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"folder", "names", "heic"})

    folder: str  # Absolute path of the folder of the data set
    names: FileRecord  # JSON: the list of the images' paths below the folder, in order
    images: int = Field(ge=1)
    content: Sha256  # Digest of the SHA-256 of all files, in order
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
