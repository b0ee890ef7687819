"""The test accuracy from run to run, beside what seeds alone would change."""

import errno
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sightline.errors import StorageError
from sightline.records.manifest import ManifestExcerpt
from sightline.reporting.figures.accuracy_history import HistoryPoint, draw_accuracy_history
from sightline.runs import seed_noise
from sightline.runs.seed_noise import NoiseBand
from sightline.storage import files
from sightline.storage.workspace import Workspace

LAST = 30
"""How many of the newest runs of a data set are shown unless told."""

_DEVIATIONS = 2
"""Half the height of a drawn band in standard deviations: 95 % of all seeds lie within, if there
were enough to know the deviation; of few seeds it is only roughly known."""


class Entry(NamedTuple):
    """One run of a history.

    Attributes:
        run: The run.
        band: The noise band that fits it; None where none was measured.
        change: Its accuracy less that of the last run before it of the same recipe; None for the
            first one.
        is_noise: Whether seeds alone may explain the change (95 %), by the wider band of the two
            runs, as when they are compared; None where neither has one.
    """

    run: ManifestExcerpt
    band: NoiseBand | None
    change: float | None
    is_noise: bool | None


def collect(
    found: Iterable[ManifestExcerpt], datasets: Sequence[str], last: int = LAST
) -> dict[str, list[ManifestExcerpt]]:
    """Choose the runs of histories; reads no further than it has to.

    Args:
        found: Runs, the newest first; those that repeat another one are passed over.
        datasets: Names of data sets; that of the newest run where none is named.
        last: How many of the newest runs of each.

    Returns:
        Data set to its runs, the newest first; data sets without runs are left out.
    """
    chosen: dict[str, list[ManifestExcerpt]] = {name: [] for name in datasets}
    for run in (run for run in found if run.repeats is None):
        chosen = chosen or {run.records.ingest.dataset: []}
        runs = chosen.get(run.records.ingest.dataset)
        if runs is not None and len(runs) < last:
            runs.append(run)
            if all(len(runs) == last for runs in chosen.values()):
                break
    return {name: runs for name, runs in chosen.items() if runs}


def entries(workspace: Workspace, runs: Iterable[ManifestExcerpt]) -> list[Entry]:
    """Compare each run with the one before it of the same recipe.

    Args:
        workspace: The artifacts root, where the noise bands lie.
        runs: Runs of one data set.

    Returns:
        One entry a run, the oldest first.
    """
    bands: dict[Path, NoiseBand | None] = {}
    before: dict[str, Entry] = {}
    found = []
    for run in sorted(runs, key=lambda run: (run.created.timestamp(), run.run_id)):
        place = seed_noise.path(
            workspace, run.records.ingest.dataset, run.source_sha256, run.config
        )
        if place not in bands:
            bands[place] = seed_noise.find(workspace, run)
        entry = _entry(run, bands[place], before.get(run.config.recipe))
        before[run.config.recipe] = entry
        found.append(entry)
    return found


def _entry(run: ManifestExcerpt, band: NoiseBand | None, before: Entry | None) -> Entry:
    if before is None:
        return Entry(run, band, None, None)
    change = run.records.evaluate.accuracy - before.run.records.evaluate.accuracy
    known = [one.accuracy.difference for one in (band, before.band) if one]
    return Entry(run, band, change, abs(change) <= max(known) if known else None)


def draw(path: Path, histories: Mapping[str, Sequence[Entry]]) -> None:
    """Draw histories, one panel a data set.

    Args:
        path: PNG to write; it appears whole or not at all.
        histories: Data set to its entries, the oldest first; at least one data set.

    Raises:
        StorageError: It cannot be written, or something else than a file is there.
    """
    panels = {name: [_point(entry) for entry in history] for name, history in histories.items()}
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EEXIST, "it is there and no file")  # such as /dev/null
        with files.new_file(path) as temporary:
            draw_accuracy_history(temporary, panels)
    except OSError as error:
        raise StorageError(
            f"The picture {path} cannot be written ({error.strerror}); choose another place for it."
        ) from error


def _point(entry: Entry) -> HistoryPoint:
    evaluation = entry.run.records.evaluate
    accuracy = entry.band.accuracy if entry.band else None
    return HistoryPoint(
        created=entry.run.created,
        recipe=entry.run.config.recipe,
        accuracy=evaluation.accuracy,
        interval=evaluation.accuracy_interval,
        band=(accuracy.mean, _DEVIATIONS * accuracy.deviation) if accuracy else None,
    )
