"""Flips: the test images that only one of two models classifies correctly."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError
from sightline.evaluation import predictions, predictions_table
from sightline.evaluation.predictions import Predictions
from sightline.experiments import run_folder
from sightline.records import DatasetFiles, Evaluation, Run, RunComparison
from sightline.records.difference import Flip, Flips
from sightline.records.manifest import RunManifest

MOST_EXAMPLES = 24  # Number of fixed, and of broken, images that are named


class Discordant(NamedTuple):
    """Rows that only the second (fixed), or only the first of two models (broken) gets right."""

    fixed: NDArray[np.int64]
    broken: NDArray[np.int64]

    @property
    def p_value(self) -> float:
        """Return how often equally good models differ by this much or more.

        McNemar's exact test, two-sided: Q. McNemar, "Note on the sampling error of the difference
        between correlated proportions or percentages" (1947).
        """
        fixed, broken = len(self.fixed), len(self.broken)
        if fixed == broken:
            return 1.0
        from scipy.special import bdtr  # `scipy.stats` takes a second to import

        return min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))


def between(
    a: Predictions | None, b: Predictions | None, names: tuple[str, ...], path: Path
) -> Flips | None:
    """Compare two models image by image; None if predictions are missing or the labels differ.

    `path` is the predictions table of the second one, which names the images.
    """
    if a is None or b is None or not np.array_equal(a.label, b.label):
        return None
    found = discordant(a, b)
    return Flips(
        images=len(b.label),
        fixed=len(found.fixed),
        broken=len(found.broken),
        p_value=found.p_value,
        fixed_examples=_examples(a, b, found.fixed, names, path),
        broken_examples=_examples(a, b, found.broken, names, path),
    )


def discordant(a: Predictions, b: Predictions) -> Discordant:
    """Find the rows in which exactly one model is right; both must be of the same images."""
    return Discordant(
        np.flatnonzero(b.correct & ~a.correct), np.flatnonzero(a.correct & ~b.correct)
    )


def same_test_images(a: DatasetFiles, b: DatasetFiles) -> bool:
    """Return whether two test splits hold the same images with the same labels."""
    both_tested = "test" in a.images and "test" in b.images
    return both_tested and holdout_sha256(a) == holdout_sha256(b)


def with_last_run(run: Run, files: DatasetFiles, evaluation: Evaluation) -> RunComparison | None:
    """Compare a run that is about to be published with the last run of its data set, if any."""
    last = run_folder.last(run.workspace, files.dataset)
    return with_run(run, last, files, evaluation) if last else None


def with_run(
    run: Run, other: RunManifest, files: DatasetFiles, evaluation: Evaluation
) -> RunComparison:
    """Compare a run that is about to be published with an earlier one."""
    compared = RunComparison(
        run_id=other.run_id,
        recipe=other.config.recipe,
        accuracy=other.records.evaluate.accuracy,
        loss=other.records.evaluate.loss,
    )
    if not same_test_images(other.records.ingest, files):
        return compared
    path = run_folder.file(run.workspace, other, predictions.PREDICTIONS)
    classes = len(files.class_names)
    try:
        before = predictions.read(path, classes)
    except InputError:
        return compared
    now = predictions.read(run.workspace.path(evaluation.predictions.path), classes)
    found = discordant(before, now)
    counts = {"fixed": len(found.fixed), "broken": len(found.broken)}
    return compared.model_copy(update={**counts, "p_value": found.p_value})


def _examples(
    a: Predictions, b: Predictions, rows: NDArray[np.int64], names: tuple[str, ...], path: Path
) -> tuple[Flip, ...]:
    most_confident = rows[np.lexsort((rows, -b.confidence[rows]))][:MOST_EXAMPLES]
    a, b = a.take(most_confident), b.take(most_confident)
    return tuple(
        Flip(
            index=int(b.index[row]),
            label=names[b.label[row]],
            a=names[a.predicted[row]],
            a_probability=float(a.confidence[row]),
            b=names[b.predicted[row]],
            b_probability=float(b.confidence[row]),
            source=source,
        )
        for row, source in enumerate(predictions_table.read_sources(path, most_confident))
    )
