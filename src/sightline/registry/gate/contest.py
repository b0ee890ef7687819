"""Records of a comparison of two models: what is compared, and how fast each answers."""

from pathlib import Path

from sightline.records import DatasetFiles, FileRecord, Record
from sightline.storage.workspace import Workspace


class Contest(Record):
    """Two models and what both are to predict.

    Attributes:
        workspace: Where the files lie.
        files: Gives the test images, the labels and the class names.
        candidate: `.keras` file of the new model.
        champion: `.keras` file of the one in use.
        champion_name: Name of its version.
        table: Parquet file to write; see `scores.COLUMNS`.
    """

    workspace: Workspace
    files: DatasetFiles
    candidate: FileRecord
    champion: FileRecord
    champion_name: str
    table: Path


class Timing(Record):
    """Median seconds that each model takes for one image."""

    candidate_seconds: float
    champion_seconds: float
