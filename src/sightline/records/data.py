"""Records of the images: where they came from, and what ingest and preprocess made."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record


class Source(Record):
    """A data set that was found and digested, before any image is decoded.

    Attributes:
        dataset: Its name, fit for a run id: lower case, digits and hyphens.
        kind: What lies there; decides who reads it.
        path: Where it lies; the data set's name where it has no place of its own.
        sha256: Digest of the content, whatever its path.
    """

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind: Literal["named", "embedded", "idx", "npz", "folder", "parquet", "csv"]
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DatasetFiles(Record):
    """Output of ingest: one canonical form of any source.

    Attributes:
        dataset: The data set's name, fit for a run id: lower case, digits and hyphens.
        source: Where the images came from, for people; never a secret.
        class_names: Names in label order; `num_classes` is their number.
        image_shape: Height, width and channels (1 or 3).
        images: Split name ("train", "test") to a uint8 NPY file of shape (n, height, width,
            channels), values 0 to 255.
        labels: Parquet file with one row an example, splits one after the other: index (int64,
            within the split), split, label (int64), class_name, source, pixels_sha256.
        counts: Split name to the number of examples of each class, in label order.
        notes: Sentences on what was changed while reading, such as resized images.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"source"})

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    source: str
    class_names: tuple[str, ...] = Field(min_length=2, max_length=1000)
    image_shape: tuple[int, int, int]
    images: dict[str, ArrayFile]
    labels: FileRecord
    counts: dict[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()


class ArraySplit(Record):
    """One split as training arrays.

    Attributes:
        images: float32 NPY of shape (n, height, width, channels), values in [0, 1].
        labels: float32 NPY of shape (n, num_classes), one-hot.
    """

    images: ArrayFile
    labels: ArrayFile


class ArraySet(Record):
    """Output of preprocess: splits "train", "test" and, where asked for, "validation"."""

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: dict[str, ArraySplit]
