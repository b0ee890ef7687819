"""Whether a run is better than the one before, image by image where both saw the same ones."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError
from sightline.evaluation import predictions
from sightline.records import DatasetFiles, Evaluation, Run, RunComparison
from sightline.runs import run_folder


class Discordant(NamedTuple):
    """Test images that exactly one of two models has right.

    Attributes:
        fixed: int64 array, rows that were wrong before and are right now.
        broken: int64 array, rows that were right before and are wrong now.
    """

    fixed: NDArray[np.int64]
    broken: NDArray[np.int64]

    @property
    def p_value(self) -> float:
        """How often equally good models differ by as much or more.

        McNemar's exact test, two-sided: Q. McNemar, "Note on the sampling error of the difference
        between correlated proportions or percentages" (1947).
        """
        fixed, broken = len(self.fixed), len(self.broken)
        if not fixed + broken:
            return 1.0
        from scipy.stats import binomtest

        return float(binomtest(fixed, fixed + broken).pvalue)


def with_last_run(run: Run, files: DatasetFiles, evaluation: Evaluation) -> RunComparison | None:
    """Compare a run that is about to be published with the last one of its data set.

    Args:
        run: Gives the artifacts root.
        files: What was ingested.
        evaluation: Its predictions lie in the cache.

    Returns:
        None where no run of this data set can be read. The p-value is that of McNemar's exact
        test: how often equally good models differ by as much or more.
    """
    last = run_folder.last(run.workspace, files.dataset)
    if last is None:
        return None
    compared = RunComparison(
        run_id=last.run_id,
        recipe=last.config.recipe,
        accuracy=last.records.evaluate.accuracy,
        loss=last.records.evaluate.loss,
    )
    if not same_test_images(last.records.ingest, files):
        return compared
    try:
        path = run_folder.folder(run.workspace, last.run_id) / predictions.PREDICTIONS
        before = predictions.read(path, len(files.class_names)).correct
    except InputError:
        return compared
    path = run.workspace.root / evaluation.predictions.path
    now = predictions.read(path, len(files.class_names)).correct
    found = discordant(before, now)
    counts = {"fixed": len(found.fixed), "broken": len(found.broken)}
    return compared.model_copy(update={**counts, "p_value": found.p_value})


def discordant(before: NDArray[np.bool_], now: NDArray[np.bool_]) -> Discordant:
    """Find the test images that one of two models has right and the other wrong.

    Args:
        before: Which predictions of the one model are right; bool array of shape (n,).
        now: The same of the other, for the same images in the same order.
    """
    return Discordant(np.flatnonzero(now & ~before), np.flatnonzero(before & ~now))


def same_test_images(before: DatasetFiles, now: DatasetFiles) -> bool:
    """Tell whether two runs were tested on the same images with the same labels."""
    both_tested = "test" in before.images and "test" in now.images
    return both_tested and holdout_sha256(before) == holdout_sha256(now)
