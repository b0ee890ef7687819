"""Seed noise: how much results differ between runs that differ only in their seed.

It is stored as a noise band, `noise/<dataset>-<recipe>-<digest>.json` under the artifacts root.
The digest covers the data and all settings that the weights depend on except the seed, so a band
applies to all runs of the same data and settings.
"""

import logging
import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sightline.config import RunConfig
from sightline.errors import InputError
from sightline.pipeline.provenance import digest_of
from sightline.pipeline.stages import content_of
from sightline.records import Record, Spread
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.storage import files, json_digest, sync
from sightline.storage.workspace import Workspace

_FEWEST = 2
_log = logging.getLogger(__name__)


class Setup(Record):
    """What the runs of a noise band have in common: data and settings without the seed."""

    dataset: str
    recipe: str
    source_sha256: str
    config_sha256: str  # Digest of the settings that the weights depend on, without the seed

    @property
    def key(self) -> str:
        """The POSIX path of the noise band relative to the root, whether or not it exists."""
        digest = digest_of(self.source_sha256, self.config_sha256)[:12]
        return f"noise/{self.dataset}-{self.recipe}-{digest}.json"


class NoiseBand(Setup):
    """The spread of results over seeds, for one data set and one set of settings."""

    code_sha256: str | None  # Digest of Sightline's source; None if it differs between the runs
    seeds: tuple[int, ...]  # The seeds in ascending order; `run_ids` has the run of each
    run_ids: tuple[str, ...]
    accuracy: Spread  # Spread of the test accuracy, in [0, 1]
    loss: Spread  # Spread of the test loss, in nats
    created: datetime


def measure(manifests: Sequence[RunManifest | ManifestExcerpt]) -> NoiseBand:
    """Measure the spread of runs that differ only in their seed.

    Raises InputError if there are too few runs, or they differ in more than their seed.
    """
    runs = sorted(manifests, key=lambda run: run.config.training.seed)
    seeds = tuple(run.config.training.seed for run in runs)
    if len(set(seeds)) < max(len(runs), _FEWEST):
        raise InputError(
            f"Seed noise needs at least {_FEWEST} runs, each with another training.seed; got the "
            f"seeds {', '.join(map(str, seeds)) or 'of none'}."
        )
    setup = setup_of_run(runs[0])
    if other := next((run for run in runs if setup_of_run(run) != setup), None):
        raise InputError(
            f"The runs {runs[0].run_id!r} and {other.run_id!r} differ in more than their seed; "
            "expected the same data, recipe and settings."
        )
    codes = {run.code_sha256 for run in runs}
    return NoiseBand(
        **dict(setup),
        code_sha256=codes.pop() if len(codes) == 1 else None,
        seeds=seeds,
        run_ids=tuple(run.run_id for run in runs),
        accuracy=_spread([run.records.evaluate.accuracy for run in runs]),
        loss=_spread([run.records.evaluate.loss for run in runs]),
        created=datetime.now(UTC),
    )


def setup_of(dataset: str, source_sha256: str, config: RunConfig) -> Setup:
    """Digest the settings that the weights depend on, without the seed."""
    training = config.training.model_copy(update={"seed": 0})
    sections = (config.data, config.preprocessing, config.model, training)
    digest = digest_of(*(content_of(section) for section in sections))
    return Setup(
        dataset=dataset, recipe=config.recipe, source_sha256=source_sha256, config_sha256=digest
    )


def setup_of_run(run: RunManifest | ManifestExcerpt) -> Setup:
    """Return the setup of a run."""
    return setup_of(run.records.ingest.dataset, run.source_sha256, run.config)


def write(workspace: Workspace, band: NoiseBand) -> Path:
    """Store a band in place of an earlier one and return its path; wait for a running cleanup.

    Raises StorageError if the artifacts root is full or cannot be written.
    """
    path = workspace.path(band.key)
    content = json_digest.dumps(band.model_dump(mode="json"))
    with workspace.in_use():
        with workspace.storage_errors(), files.new_file(path) as new:
            new.write_bytes(content)
        sync.push_file(workspace, band.key)
    return path


def read(workspace: Workspace, setup: Setup) -> NoiseBand | None:
    """Read the band of a setup; None if it does not exist or is damaged, which is logged."""
    path = workspace.path(setup.key)
    sync.pull_file(workspace, setup.key)
    try:
        band = NoiseBand.model_validate_json(json_digest.verify(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning(
            "The noise band %s is ignored: %s; measure it again with `sightline train --seeds 5`",
            path,
            str(error).splitlines()[0],
        )
        return None
    same = all(getattr(band, name) == getattr(setup, name) for name in Setup.model_fields)
    return band if same else None


def band_of(workspace: Workspace, run: RunManifest | ManifestExcerpt) -> NoiseBand | None:
    """Read the noise band of a run's data and settings; None if none was measured."""
    return read(workspace, setup_of_run(run))


def _spread(values: Sequence[float]) -> Spread:
    """Describe a sample by Student's t distribution, with 95 % confidence."""
    from scipy.stats import t

    count, deviation = len(values), statistics.stdev(values)
    quantile = float(t.ppf(0.975, count - 1))
    return Spread(
        values=tuple(values),
        mean=statistics.fmean(values),
        deviation=deviation,
        half_width=quantile * deviation / math.sqrt(count),
        difference=quantile * deviation * math.sqrt(2),
    )
