"""What the promotion gate computes with: what two models say of the same test images."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.errors import StageError
from sightline.registry.gate.contest import Timing
from sightline.registry.gate.paired_tests import Pairs

Classes = NDArray[np.int64]

COLUMNS = (
    "label",
    "candidate_predicted",
    "candidate_probability",
    "champion_predicted",
    "champion_probability",
)
"""Of the Parquet file, one row an image: classes are int64, probabilities float32."""


@dataclass(frozen=True)
class Answers:
    """What one model says.

    Attributes:
        predicted: The most probable class of each image, int64 of shape (n,).
        probability: Its probability, float32 of shape (n,), in [0, 1].
        seconds: Median time for one image.
    """

    predicted: Classes
    probability: NDArray[np.float32]
    seconds: float


@dataclass(frozen=True)
class Scores:
    """Both models' answers, in the order of the test split.

    Attributes:
        labels: int64 of shape (n,), values 0 to num_classes - 1; n at least 1.
        class_names: Names in label order, at least two.
        candidate: What the new model says.
        champion: What the model in use says.
    """

    labels: Classes
    class_names: tuple[str, ...]
    candidate: Answers
    champion: Answers

    @cached_property
    def candidate_right(self) -> NDArray[np.bool_]:
        """Tell which images the candidate has right, shape (n,)."""
        return np.equal(self.candidate.predicted, self.labels)

    @cached_property
    def champion_right(self) -> NDArray[np.bool_]:
        """Tell which images the champion has right, shape (n,)."""
        return np.equal(self.champion.predicted, self.labels)

    @cached_property
    def by_class(self) -> Pairs[Classes]:
        """Count fixed, broken and all images of each class, each of shape (num_classes,)."""
        fixed = self.candidate_right & ~self.champion_right
        broken = self.champion_right & ~self.candidate_right
        labels = (self.labels[fixed], self.labels[broken], self.labels)
        return Pairs(*(np.bincount(some, minlength=len(self.class_names)) for some in labels))

    @cached_property
    def pairs(self) -> Pairs[int]:
        """Count fixed, broken and all images."""
        fixed, broken, images = (int(counts.sum()) for counts in self.by_class)
        return Pairs(fixed, broken, images)


def read(path: Path, class_names: tuple[str, ...], timing: Timing) -> Scores:
    """Read what `scoring.score` wrote.

    Args:
        path: Its Parquet file.
        class_names: Names in label order.
        timing: What it returned.

    Raises:
        StageError: The file is not there any more, or it is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as table:
            columns = {name: table.read([name])[name].to_numpy() for name in COLUMNS}
    except (OSError, ValueError) as error:  # Arrow's errors are one of the two
        raise StageError(f"{path} cannot be read as Parquet: {error}; run again.") from None
    label, *answers = columns.values()
    return Scores(
        labels=label,
        class_names=class_names,
        candidate=Answers(answers[0], answers[1], timing.candidate_seconds),
        champion=Answers(answers[2], answers[3], timing.champion_seconds),
    )
