"""Records of the data: its source, its quality, and the outputs of ingest and preprocess."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record


class Source(Record):
    """A located data set, before any image is decoded.

    Attributes:
        dataset: Its name in lower-case letters, digits and hyphens, as in run ids.
        kind: "named", "embedded", or a format: a key of `data.readers.dispatch.READERS`.
        path: Its path, or the data set's name if it is built in or downloaded.
        sha256: Digest of its content; does not depend on the path.
    """

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind: str
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class SplitProfile(Record):
    """Statistics of the images of a split; pixel values range from 0 to 255.

    Attributes:
        images: Number of images.
        per_class: Number of images of each class, in label order.
        pixels: Histogram of the pixel values: fractions in 16 bins, darkest first.
        brightness: Histogram of the images' mean pixel values, likewise.
    """

    images: int
    per_class: tuple[int, ...]
    pixel_min: int
    pixel_max: int
    pixel_mean: float
    pixel_std: float
    pixels: tuple[float, ...]
    brightness: tuple[float, ...]


class Inspection(Record):
    """What ingest found out about the images; the input of the data gate.

    Attributes:
        profiles: Split name to its statistics.
        affected: Kind of finding (see `data.validation.findings`) to the number of affected
            images of each split.
        findings: Parquet file with one row per finding: kind, split, index, label and, for pairs
            of images, other_split, other_index, other_label and distance (bits in which the
            perceptual hashes differ).
    """

    profiles: dict[str, SplitProfile]
    affected: dict[str, dict[str, int]]
    findings: FileRecord


class Check(Record):
    """One check of the data gate.

    Attributes:
        name: Its key in the config section `data_gate`.
        measured: The measured value; None if there was nothing to compare with.
        limit: Largest value that passes.
        sentence: The result in one sentence.
    """

    name: str
    outcome: Literal["passed", "warned", "failed", "off"]
    measured: float | None
    limit: float
    sentence: str


class ProfileChange(Record):
    """One statistic of a split that changed since the previous run."""

    split: str
    figure: str
    before: float
    now: float


class DataGateResult(Record):
    """Result of the data gate.

    Attributes:
        checks: The checks in the order of the config.
        compared_with: Id of the run whose statistics these were compared with.
        changes: Statistics that differ from that run's.
    """

    checks: tuple[Check, ...]
    compared_with: str | None = None
    changes: tuple[ProfileChange, ...] = ()


class DatasetFiles(Record):
    """Output of ingest: one canonical form for all sources.

    Attributes:
        dataset: The data set's name in lower-case letters, digits and hyphens.
        source: Description of the source; contains no secrets.
        class_names: Names in label order.
        image_shape: Height, width and channels (1 or 3).
        images: Split name ("train", "test") to a uint8 NPY file of shape (n, height, width,
            channels), values 0 to 255.
        labels: Parquet file with one row per example, one split after the other: index (int64,
            within the split), split, label (int64), class_name, source, pixels_sha256; then
            the metadata columns (string) that the config names.
        label_digests: Split name to the SHA-256 of its labels (int16, little-endian, in the order
            of the images).
        counts: Split name to the number of examples of each class, in label order.
        notes: Sentences about conversions, such as resized images.
        inspection: Statistics of the images and data quality findings.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"source", "inspection"})

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    source: str
    class_names: tuple[str, ...] = Field(min_length=2, max_length=1000)
    image_shape: tuple[int, int, int]
    images: dict[str, ArrayFile]
    labels: FileRecord
    label_digests: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()
    inspection: Inspection | None = None


class ArraySplit(Record):
    """One split as training arrays.

    Attributes:
        images: float32 NPY of shape (n, height, width, channels), values in [0, 1].
        labels: float32 NPY of shape (n, num_classes), one-hot.
    """

    images: ArrayFile
    labels: ArrayFile


class ArraySet(Record):
    """Output of preprocess: splits "train", "test" and, if configured, "validation"."""

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: dict[str, ArraySplit]
