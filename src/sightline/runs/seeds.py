"""The runs of `train --seeds`: one a seed, alike in everything else."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from sightline.config import RunConfig
from sightline.errors import ConfigError, RunExistsError
from sightline.records import Interval, Record, Run, Source
from sightline.records.manifest import ManifestExcerpt
from sightline.runs import provenance_diff, run_folder, seed_noise
from sightline.runs.provenance_diff import Comparison
from sightline.runs.seed_noise import NoiseBand
from sightline.storage.workspace import Workspace

MOST = 100
"""Largest number of seeds."""

_LARGEST_SEED = 2**31 - 1
"""As in the config."""


class SeedRun(NamedTuple):
    """One run that is asked for, with its seed in the config."""

    config: RunConfig
    run: Run


class SeedResult(Record):
    """What came out for one seed.

    Attributes:
        seed: The seed.
        run_id: Its run.
        run_dir: Where its run folder lies.
        test_accuracy: Share of right predictions, in [0, 1].
        test_accuracy_interval: 95 % interval of it on these test images.
        test_loss: Mean cross-entropy, in nats.
        total_seconds: Wall time of its run.
    """

    seed: int
    run_id: str
    run_dir: str
    test_accuracy: float
    test_accuracy_interval: Interval
    test_loss: float
    total_seconds: float


class SeedSummary(Record):
    """What the runs of several seeds tell their caller; the object that `--json` prints.

    Attributes:
        dataset: The data set's name.
        recipe: Name of the recipe.
        runs: One a seed, the smallest seed first.
        noise: How far they lie apart.
        noise_file: Where that is stored.
    """

    dataset: str
    recipe: str
    runs: tuple[SeedResult, ...]
    noise: NoiseBand
    noise_file: str


def plan(config: RunConfig, run: Run, seeds: int) -> list[SeedRun]:
    """Plan one run a seed, `training.seed` and those after it.

    Args:
        config: What to do; its seed is the first.
        run: Where to do it; its id is the beginning of theirs: `<id>-s<seed>`.
        seeds: How many; the run itself, as it is, for a single one.

    Returns:
        The runs in the order of their seeds.

    Raises:
        ConfigError: The last seed would be too large.
        InputError: An id cannot be used.
        RunExistsError: A single run is asked for, whose id is taken.
    """
    if seeds == 1:
        run_folder.check_new(run.workspace, run.id)
        return [SeedRun(config, run)]
    first = config.training.seed
    if first + seeds - 1 > _LARGEST_SEED:
        raise ConfigError(
            f"{seeds} seeds from training.seed {first} on would go beyond {_LARGEST_SEED}, the "
            "largest; expected a smaller first one."
        )
    planned = [_with_seed(config, run, seed) for seed in range(first, first + seeds)]
    for one in planned:
        if not _is_there(one):
            run_folder.check_new(run.workspace, one.run.id)
    return planned


def _with_seed(config: RunConfig, run: Run, seed: int) -> SeedRun:
    training = config.training.model_copy(update={"seed": seed})
    # The best of several seeds would pass the gate by chance more often than alpha says.
    promotion = config.promotion.model_copy(update={"gate": "off"})
    return SeedRun(
        config.model_copy(update={"training": training, "promotion": promotion}),
        run.model_copy(update={"id": f"{run.id}-s{seed}"}),
    )


def _is_there(one: SeedRun) -> bool:
    return os.path.lexists(run_folder.folder(one.run.workspace, one.run.id))


def unfinished(planned: Sequence[SeedRun], source: Source) -> list[SeedRun]:
    """Leave out the runs that an earlier, interrupted command of the same id has finished.

    Args:
        planned: The runs of all seeds.
        source: The data set's source.

    Returns:
        Those that are not there yet.

    Raises:
        InputError: The manifest of a finished run cannot be read.
        RunExistsError: There is a run of such an id with another config or other data.
    """
    finished = [one for one in planned if _is_there(one)]
    for one in finished:
        _check_same(one, source)
    return [one for one in planned if one not in finished]


def _check_same(one: SeedRun, source: Source) -> None:
    there = run_folder.read_excerpt(one.run.workspace, one.run.id)
    if there.config != one.config or there.source_sha256 != source.sha256:
        what = "config" if there.config != one.config else "data"
        raise RunExistsError(
            f"The run {one.run.id!r} exists already in {one.run.workspace}, with other "
            f"{what}; choose another --run-id."
        )


def since_last(planned: Sequence[SeedRun], source: Source) -> Comparison:
    """Compare what is asked for with the last run of each seed, and look for the noise band.

    Args:
        planned: The runs of all seeds.
        source: The data set's source as it lies there now.

    Returns:
        The comparison of the first seed that has no such run or where something changed, else
        that of the last.
    """
    for one in planned:
        compared = provenance_diff.since_last_run(one.run.workspace, one.config, source)
        if not compared.unchanged or len(planned) == 1:
            return compared
    config, run = planned[0]
    band = seed_noise.read(seed_noise.path(run.workspace, source.dataset, source.sha256, config))
    if band is None or not {one.config.training.seed for one in planned} <= set(band.seeds):
        return compared.model_copy(update={"changes": ("the noise band (not measured)",)})
    return compared


def measure(workspace: Workspace, run_ids: Sequence[str]) -> SeedSummary:
    """Measure how far the runs of some seeds lie apart, and store the noise band.

    Args:
        run_ids: Their ids.

    Returns:
        What came out for each, and the band.

    Raises:
        InputError: A manifest cannot be read, or the runs differ in more than their seed.
        StorageError: The artifacts root is full or cannot be written.
    """
    found = [run_folder.read_excerpt(workspace, run_id) for run_id in run_ids]
    band = seed_noise.measure(found)
    return SeedSummary(
        dataset=band.dataset,
        recipe=band.recipe,
        runs=tuple(_result(workspace, run) for run in found),
        noise=band,
        noise_file=str(seed_noise.write(workspace, band)),
    )


def _result(workspace: Workspace, run: ManifestExcerpt) -> SeedResult:
    return SeedResult(
        seed=run.config.training.seed,
        run_id=run.run_id,
        run_dir=str(run_folder.folder(workspace, run.run_id)),
        test_accuracy=run.records.evaluate.accuracy,
        test_accuracy_interval=run.records.evaluate.accuracy_interval,
        test_loss=run.records.evaluate.loss,
        total_seconds=run.total_seconds,
    )
