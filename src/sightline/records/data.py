"""Records of the data: its source, its quality, and the outputs of ingest and preprocess."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.config import Resize
from sightline.records.base import ArrayFile, DatasetName, FileRecord, ImagesFile, Record, Sha256


class Source(Record):
    """A located data set, before any image is decoded."""

    dataset: DatasetName
    kind: str  # "named", "embedded", or a format: a key of `data.readers.dispatch.READERS`
    path: str  # Its path, or the data set's name if it is built in or downloaded
    sha256: Sha256  # Digest of its content; does not depend on the path
    heic: bool = True  # Whether it may hold HEIC images


class SplitProfile(Record):
    """Statistics of the images of a split; pixel values range from 0 to 255."""

    images: int  # Number of images
    per_class: tuple[int, ...]  # Number of images of each class, in label order
    pixel_min: int
    pixel_max: int
    pixel_mean: float
    pixel_std: float
    pixels: tuple[float, ...]  # Histogram of the pixel values: fractions in 16 bins, darkest first
    brightness: tuple[float, ...]  # Histogram of the images' mean pixel values, likewise


class Inspection(Record):
    """What ingest found out about the images; the input of the data gate."""

    profiles: dict[str, SplitProfile]  # Split name to its statistics
    # Kind of finding (see `data.validation.findings`) to the affected images of each split
    affected: dict[str, dict[str, int]]
    # Parquet file with one row per finding: kind, split, index, label and, for pairs of images,
    # other_split, other_index, other_label and distance (differing bits of the perceptual hashes)
    findings: FileRecord


class Check(Record):
    """One check of the data gate."""

    name: str  # Its key in the config section `data_gate`
    outcome: Literal["passed", "warned", "failed", "skipped", "off"]
    measured: float | None  # The measured value; None if skipped: there was nothing to compare with
    limit: float  # Largest value that passes
    sentence: str  # The result in one sentence


class ProfileChange(Record):
    """One statistic of a split that changed since the previous run."""

    split: str
    figure: str
    before: float
    now: float


class DataGateResult(Record):
    """Result of the data gate."""

    checks: tuple[Check, ...]  # The checks in the order of the config
    compared_with: str | None = None  # Id of the run whose statistics these were compared with
    changes: tuple[ProfileChange, ...] = ()  # Statistics that differ from that run's


class DatasetFacts(Record):
    """What is known of a data set before its images are decoded, and what was decided."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {
            *("source", "format", "label_source", "places", "stored_bytes", "chosen"),
            *("notes", "decisions", "left_out", "unreadable"),
        }
    )

    dataset: DatasetName
    source: str  # Description of the source; contains no secrets
    format: str = ""  # Such as "image folder"
    label_source: str = ""  # Where the labels are, such as "class folders"
    # Split name to where the source has it, such as "folder train"; no "test" if it was set aside
    places: dict[str, str] = Field(default_factory=dict)
    class_names: tuple[str, ...] = Field(min_length=2, max_length=1000)  # Names in label order
    image_shape: tuple[int, int, int]  # Height, width and channels (1 or 3)
    resize: Resize = "stretch"  # How images of another size were brought to this one
    white: int = 65535  # Value that is white in images of 16 bits
    stored_bytes: int = Field(default=0, ge=0)  # Size of the images in the cache
    counts: dict[str, tuple[int, ...]]  # Split name to the examples of each class, in label order
    notes: tuple[str, ...] = ()  # Sentences about conversions, such as resized images
    decisions: tuple[str, ...] = ()  # Those notes that concern what images, labels or splits mean
    chosen: tuple[str, ...] = ()  # Settings that were left open, as for --set: data.white=1023
    left_out: dict[str, int] = Field(default_factory=dict)  # Files that were left out, by ending
    unreadable: int = 0  # Images that were left out because they cannot be read
    unlabelled: dict[str, int] = Field(default_factory=dict)  # Images of each split without labels


class DatasetFiles(DatasetFacts):
    """Output of ingest: one canonical form for all sources."""

    incidental: ClassVar[frozenset[str]] = DatasetFacts.incidental | {"inspection", "shards"}

    # Split name ("train", "validation", "test") to its images, uint8 of shape
    # (n, height, width, channels)
    images: dict[str, ImagesFile]
    # Parquet file with one row per example, split by split: index (int64, in the split), split,
    # label (int64), class_name, source, content_sha256 (of the encoded file, or the pixels before
    # resizing), pixels_sha256, metadata columns of the config (string)
    labels: FileRecord
    # Split name to the SHA-256 of its labels (int16, little-endian, in the order of the images)
    label_digests: dict[str, str] = Field(default_factory=dict)
    # Split name to the SHA-256 of all content_sha256, as bytes; independent of size and channels
    content_digests: dict[str, str] = Field(default_factory=dict)
    inspection: Inspection | None = None  # Statistics of the images and data quality findings
    shards: tuple[str, ...] = ()  # Cache entries of the shards that it was merged from, if any


class ArraySplit(Record):
    """One split as training arrays."""

    # Shape (n, height, width, channels): uint8, the file of the stage ingest, or float32 with
    # values in [0, 1]. After the stage embed: features (n, views, ...), float32 of the
    # test split and float16 of the others
    images: ImagesFile
    rows: ArrayFile | None = None  # int64 NPY (n,), the images of this split; None: all of them
    labels: ArrayFile  # NPY: int16 class numbers (n,), or float32 one-hot (n, num_classes)
    num_classes: int
    views: int | None = None  # Views of each image; None before the stage embed

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.labels.shape[0]


class ArraySet(Record):
    """Output of preprocess: splits "train", "test" and, if configured, "validation"."""

    incidental: ClassVar[frozenset[str]] = frozenset({"shards"})

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    resize: Resize = "stretch"  # See `DatasetFiles`
    white: int = 65535
    splits: dict[str, ArraySplit]
    last_frozen: str | None = None  # After the stage embed: the layer whose output the features are
    shards: tuple[str, ...] = ()  # Cache entries of the shards that the features come from, if any
