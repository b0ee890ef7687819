"""What two models predict for the same test images, and how fast."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import InputError, StageError
from sightline.evaluation import predictions
from sightline.evaluation.predictions import Predictions
from sightline.records import DatasetFiles, FileRecord, ImagesFile, Record
from sightline.registry.gate.paired_tests import Pairs
from sightline.storage.workspace import Workspace

CANDIDATE, CHAMPION = "candidate.parquet", "champion.parquet"


class ScoringRequest(Record):
    """Two `.keras` files, the test images that each predicts, and the folder for predictions."""

    workspace: Workspace
    files: DatasetFiles
    candidate: FileRecord
    champion: FileRecord
    champion_name: str
    champion_images: ImagesFile  # the test images of `files`, in the form that the champion takes
    folder: Path


class Timing(Record):
    """Median seconds that each model takes for one image."""

    candidate_seconds: float
    champion_seconds: float


@dataclass(frozen=True)
class Scores:
    """The predictions of both models for at least one test image of at least two classes."""

    class_names: tuple[str, ...]
    candidate: Predictions
    champion: Predictions
    timing: Timing

    @cached_property
    def by_class(self) -> Pairs[NDArray[np.int64]]:
        """Count fixed, broken and all images of each class, each of shape (num_classes,)."""
        labels, before, after = self.candidate.label, self.champion.correct, self.candidate.correct
        chosen = (labels[after & ~before], labels[before & ~after], labels)
        return Pairs(*(np.bincount(some, minlength=len(self.class_names)) for some in chosen))

    @cached_property
    def pairs(self) -> Pairs[int]:
        """Count fixed, broken and all images."""
        fixed, broken, images = (int(counts.sum()) for counts in self.by_class)
        return Pairs(fixed, broken, images)


def read(folder: Path, class_names: tuple[str, ...], timing: Timing) -> Scores:
    """Read what `scoring.score` wrote; raise StageError if a table is missing or damaged."""
    try:
        candidate, champion = (
            predictions.read(folder / name, len(class_names)) for name in (CANDIDATE, CHAMPION)
        )
    except InputError as error:
        raise StageError(str(error)) from None
    return Scores(class_names, candidate, champion, timing)
