"""The test accuracy from run to run, and whether a change is larger than the seed noise."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sightline.experiments import seed_noise
from sightline.experiments.seed_noise import NoiseBand, Setup
from sightline.records.manifest import ManifestExcerpt
from sightline.storage.workspace import Workspace

LAST = 30  # How many of the newest runs of a data set are shown by default


class Entry(NamedTuple):
    """One run of a history."""

    run: ManifestExcerpt
    band: NoiseBand | None  # Noise band of the run; None if none was measured
    # Accuracy minus that of the previous run of the recipe; None for the first run
    change: float | None
    # Whether different seeds alone may explain the change (95 %), by the wider noise band of the
    # two runs; None if neither has one
    is_noise: bool | None


def collect(
    found: Iterable[ManifestExcerpt], datasets: Sequence[str], last: int = LAST
) -> dict[str, list[ManifestExcerpt]]:
    """Group the last runs by data set, the newest first, reading no more of them than needed.

    `found` yields the newest first; runs that reproduce another run are skipped. Without
    `datasets`, the data set of the newest run is used. Data sets without runs are left out.
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
    """Compare each run of a data set with the previous one of its recipe, the oldest first."""
    bands: dict[Setup, NoiseBand | None] = {}
    previous: dict[str, Entry] = {}
    found = []
    for run in sorted(runs, key=lambda run: (run.created.timestamp(), run.run_id)):
        setup = seed_noise.setup_of_run(run)
        if setup not in bands:
            bands[setup] = seed_noise.read(workspace, setup)
        entry = _entry(run, bands[setup], previous.get(run.config.recipe))
        previous[run.config.recipe] = entry
        found.append(entry)
    return found


def _entry(run: ManifestExcerpt, band: NoiseBand | None, previous: Entry | None) -> Entry:
    if previous is None:
        return Entry(run, band, None, None)
    change = run.records.evaluate.accuracy - previous.run.records.evaluate.accuracy
    known = [one.accuracy.difference for one in (band, previous.band) if one]
    return Entry(run, band, change, abs(change) <= max(known) if known else None)
