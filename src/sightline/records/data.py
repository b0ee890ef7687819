"""Records of the images: where they came from, and what ingest and preprocess made."""

from typing import ClassVar, Literal

from pydantic import Field

from sightline.records.base import ArrayFile, FileRecord, Record


class Source(Record):
    """A data set that was found and digested, before any image is decoded.

    Attributes:
        dataset: Its name, fit for a run id: lower case, digits and hyphens.
        kind: "named", "embedded", or a format: a key of `data.readers.dispatch.READERS`.
        path: Where it lies; the data set's name where it has no place of its own.
        sha256: Digest of the content, whatever its path.
    """

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind: str
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class SplitProfile(Record):
    """What the images of a split look like, in numbers.

    Attributes:
        images: How many there are.
        per_class: Images of each class, in label order.
        pixel_min: Smallest pixel value, 0 to 255.
        pixel_max: Largest pixel value, 0 to 255.
        pixel_mean: Mean of all pixel values, 0 to 255.
        pixel_std: Their standard deviation.
        pixels: Share of the pixel values in each sixteenth of their range, darkest first.
        brightness: Share of the images whose mean pixel value lies in each sixteenth.
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
    """What ingest found in the images, before anybody judges it.

    Attributes:
        profiles: Split name to its profile.
        affected: Kind of finding (see `sightline.findings`) to the number of images of each
            split that it concerns.
        findings: Parquet file with one row a finding: kind, split, index, label, and, where
            two images are concerned, other_split, other_index, other_label, and distance
            (bits in which the perceptual hashes differ); split and index as in the label table.
    """

    profiles: dict[str, SplitProfile]
    affected: dict[str, dict[str, int]]
    findings: FileRecord


class Check(Record):
    """One check of the data gate.

    Attributes:
        name: As in the config's section `gate`.
        outcome: What came of it.
        measured: What was measured; None where there was nothing to compare with.
        limit: Largest measure that passes.
        sentence: What was found, for people.
    """

    name: str
    outcome: Literal["passed", "warned", "failed", "off"]
    measured: float | None
    limit: float
    sentence: str


class Move(Record):
    """How far one figure of a split's profile is from that of the run before."""

    split: str
    figure: str
    before: float
    now: float


class DataGateResult(Record):
    """What the data gate says of the images.

    Attributes:
        checks: In the order of the config.
        compared_with: Id of the run whose profile this one was compared with.
        moved: What differs from it.
    """

    checks: tuple[Check, ...]
    compared_with: str | None = None
    moved: tuple[Move, ...] = ()


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
            within the split), split, label (int64), class_name, source, pixels_sha256; then
            the metadata columns (string) that the config names.
        label_digests: Split name to the SHA-256 of its labels (int16, little-endian, in the order
            of the images).
        counts: Split name to the number of examples of each class, in label order.
        notes: Sentences on what was changed while reading, such as resized images.
        inspection: What the images look like, and what is odd about some of them.
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
    """Output of preprocess: splits "train", "test" and, where asked for, "validation"."""

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: dict[str, ArraySplit]
