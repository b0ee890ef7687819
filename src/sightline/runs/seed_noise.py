"""Noise bands: how far results lie apart where nothing but the seed differs.

A band is a file `noise/<dataset>-<recipe>-<digest>.json` under the artifacts root. Its digest is
that of the data and of all settings that the weights depend on, but the seed: it fits every
run of these, whatever its seed, and runs of other data or settings have a band of their own.
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
from sightline.storage import files, json_digest
from sightline.storage.workspace import Workspace

_SHARE = 0.95
_FEWEST = 2
_SHOWN_DIGITS = 12

_log = logging.getLogger(__name__)


class NoiseBand(Record):
    """How far the results of a data set and recipe lie apart from seed to seed.

    Attributes:
        dataset: The data set's name, as in run ids.
        recipe: Name of the recipe.
        source_sha256: Digest of the data set's source.
        config_sha256: Digest of what the weights depend on in the config, without the seed.
        code_sha256: Digest of Sightline's source; None where the runs had different ones.
        seeds: The seeds, smallest first.
        run_ids: The runs, in the order of the seeds.
        accuracy: Of the test accuracy, a share in [0, 1].
        loss: Of the test loss, in nats.
        created: When it was measured, in UTC.
    """

    dataset: str
    recipe: str
    source_sha256: str
    config_sha256: str
    code_sha256: str | None
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    accuracy: Spread
    loss: Spread
    created: datetime


def measure(manifests: Sequence[RunManifest | ManifestExcerpt]) -> NoiseBand:
    """Measure how far runs lie apart that differ in their seed alone.

    Args:
        manifests: At least two, each of another `training.seed`.

    Returns:
        The band; it is not written yet.

    Raises:
        InputError: There are too few, or something else differs.
    """
    runs = sorted(manifests, key=lambda run: run.config.training.seed)
    seeds = tuple(run.config.training.seed for run in runs)
    if len(set(seeds)) < max(len(runs), _FEWEST):
        raise InputError(
            f"Seed noise takes at least {_FEWEST} runs, each of another training.seed; got the "
            f"seeds {', '.join(map(str, seeds)) or 'of none'}."
        )
    if odd := next((run for run in runs if _identity(run) != _identity(runs[0])), None):
        raise InputError(
            f"The runs {runs[0].run_id!r} and {odd.run_id!r} differ in more than their seed; "
            "expected the same data, recipe and settings."
        )
    codes = {run.code_sha256 for run in runs}
    return NoiseBand(
        dataset=runs[0].records.ingest.dataset,
        recipe=runs[0].config.recipe,
        source_sha256=runs[0].source_sha256,
        config_sha256=config_digest(runs[0].config),
        code_sha256=codes.pop() if len(codes) == 1 else None,
        seeds=seeds,
        run_ids=tuple(run.run_id for run in runs),
        accuracy=_spread([run.records.evaluate.accuracy for run in runs]),
        loss=_spread([run.records.evaluate.loss for run in runs]),
        created=datetime.now(UTC),
    )


def config_digest(config: RunConfig) -> str:
    """Digest what the weights depend on in a config, without the seed and incidental fields."""
    training = config.training.model_copy(update={"seed": 0})
    sections = (config.data, config.preprocessing, config.model, training)
    return digest_of(*(content_of(section) for section in sections))


def path(workspace: Workspace, dataset: str, source_sha256: str, config: RunConfig) -> Path:
    """Return where the band of a data set's content and a config lies, or would lie."""
    return _path(workspace, dataset, config.recipe, source_sha256, config_digest(config))


def write(workspace: Workspace, band: NoiseBand) -> Path:
    """Store a band in place of an earlier one; waits for a clean-up that is going on.

    Returns:
        The band's file.

    Raises:
        StorageError: The artifacts root is full or cannot be written.
    """
    place = _path(workspace, band.dataset, band.recipe, band.source_sha256, band.config_sha256)
    with (
        workspace.in_use(),
        files.storage_errors(workspace.root),
        files.new_file(place) as temporary,
    ):
        temporary.write_bytes(json_digest.dumps(band.model_dump(mode="json")))
    return place


def read(place: Path) -> NoiseBand | None:
    """Read a band.

    Returns:
        None where there is none; one that is damaged is reported in the log, and is none.
    """
    try:
        return NoiseBand.model_validate_json(json_digest.verify(place.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning(
            "The noise band %s is left out: %s; `sightline train --seeds 5` measures it again",
            place,
            str(error).splitlines()[0],
        )
        return None


def find(workspace: Workspace, run: RunManifest | ManifestExcerpt) -> NoiseBand | None:
    """Find the band that fits a run: the same data and config, whatever the seed.

    Args:
        run: The run.

    Returns:
        The band; None where none was measured or it is damaged.
    """
    band = read(path(workspace, run.records.ingest.dataset, run.source_sha256, run.config))
    fits = band is not None and _identity(run) == (
        band.dataset,
        band.recipe,
        band.source_sha256,
        band.config_sha256,
    )
    return band if fits else None


def _identity(run: RunManifest | ManifestExcerpt) -> tuple[str, str, str, str]:
    """Return what is equal in all runs of a band."""
    return (
        run.records.ingest.dataset,
        run.config.recipe,
        run.source_sha256,
        config_digest(run.config),
    )


def _path(
    workspace: Workspace, dataset: str, recipe: str, source_sha256: str, config_sha256: str
) -> Path:
    digest = digest_of(source_sha256, config_sha256)[:_SHOWN_DIGITS]
    return workspace.root / "noise" / f"{dataset}-{recipe}-{digest}.json"


def _spread(values: Sequence[float]) -> Spread:
    """Sum up a sample; for Student's t see scipy.stats.t."""
    from scipy.stats import t

    count, deviation = len(values), statistics.stdev(values)
    quantile = float(t.ppf((1 + _SHARE) / 2, count - 1))
    return Spread(
        values=tuple(values),
        mean=statistics.fmean(values),
        deviation=deviation,
        half_width=quantile * deviation / math.sqrt(count),
        difference=quantile * deviation * math.sqrt(2),
    )
