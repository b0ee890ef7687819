"""Whether a run is better than the one before, image by image where both saw the same ones."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline import runs
from sightline.errors import InputError
from sightline.manifest import RunManifest
from sightline.records import DatasetFiles, Evaluation, Run, RunComparison

_PREDICTIONS = "predictions.parquet"


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
    last = runs.last(run.root, files.dataset)
    if last is None:
        return None
    compared = RunComparison(
        run_id=last.run_id,
        recipe=last.config.recipe,
        accuracy=last.records.evaluate.accuracy,
        loss=last.records.evaluate.loss,
    )
    if not _same_test_images(last, files):
        return compared
    try:
        before = _right(runs.folder(run.root, last.run_id) / _PREDICTIONS)
    except InputError:
        return compared
    now = _right(run.root / evaluation.predictions.path)
    fixed, broken = int((now & ~before).sum()), int((before & ~now).sum())
    chance = _chance(fixed, broken)
    return compared.model_copy(update={"fixed": fixed, "broken": broken, "p_value": chance})


def _chance(fixed: int, broken: int) -> float:
    if not fixed + broken:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken).pvalue)


def _same_test_images(last: RunManifest, files: DatasetFiles) -> bool:
    before = last.records.ingest
    return (
        before.images["test"].sha256 == files.images["test"].sha256
        and before.labels.sha256 == files.labels.sha256
        and before.class_names == files.class_names
    )


def _right(path: Path) -> NDArray[np.bool_]:
    """Tell which predictions are right, in the order of the test split.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as table:
            columns = table.read(["label", "predicted"])
    except (OSError, ValueError) as error:  # Arrow's errors are one of the two
        raise InputError(f"{path} cannot be read as Parquet: {error}.") from None
    right: NDArray[np.bool_] = columns["label"].to_numpy() == columns["predicted"].to_numpy()
    return right
