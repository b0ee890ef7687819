"""Records of a comparison of two models: what is compared, and how fast each answers."""

from pathlib import Path
from typing import NamedTuple

from sightline.records import DatasetFiles, FileRecord, Record


class Rival(NamedTuple):
    """The version that a candidate is compared with.

    Attributes:
        name: Name of the version.
        model: Its `.keras` file; the path is relative to the artifacts root.
        weights_sha256: Digest of its weights.
        holdout_sha256: What it was measured on when it was promoted; see `sightline.holdout`.
        class_names: Names in label order.
        image_shape: Height, width and channels of what it takes.
    """

    name: str
    model: FileRecord
    weights_sha256: str
    holdout_sha256: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]


class Contest(Record):
    """Two models and what both are to predict.

    Attributes:
        root: The artifacts root.
        files: Gives the test images, the labels and the class names.
        candidate: `.keras` file of the new model.
        champion: `.keras` file of the one in use.
        champion_name: Name of its version.
        table: Parquet file to write; see `scores.COLUMNS`.
    """

    root: Path
    files: DatasetFiles
    candidate: FileRecord
    champion: FileRecord
    champion_name: str
    table: Path


class Timing(Record):
    """Median seconds that each model takes for one image."""

    candidate_seconds: float
    champion_seconds: float
