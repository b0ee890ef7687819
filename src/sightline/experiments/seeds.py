"""The runs of `train --seeds`: one per seed, with equal settings otherwise."""

from collections.abc import Sequence
from typing import NamedTuple

from sightline.config import RunConfig
from sightline.errors import ConfigError, RunExistsError
from sightline.experiments import new_run, provenance_diff, run_folder, seed_noise
from sightline.experiments.provenance_diff import Changes
from sightline.experiments.seed_noise import NoiseBand
from sightline.pipeline.stages import content_of
from sightline.records import Interval, Record, Run, RunSummary, Source
from sightline.storage.workspace import Workspace

MOST = 100  # Largest number of seeds
_LARGEST_SEED = 2**31 - 1  # As in the config


class SeedRun(NamedTuple):
    """One run to train, with its seed in the config."""

    config: RunConfig
    run: Run


class SeedResult(RunSummary):
    """The result of one seed, with the 95 % interval from the number of test images."""

    seed: int
    test_accuracy_interval: Interval


class SeedSummary(Record):
    """The results of several seeds in ascending order; the object that `--json` prints."""

    dataset: str
    recipe: str
    runs: tuple[SeedResult, ...]
    noise: NoiseBand
    noise_file: str


def plan(config: RunConfig, run: Run, seeds: int) -> list[SeedRun]:
    """Plan one run `<id>-s<seed>` per seed, starting at `training.seed`; one seed changes nothing.

    Raises ConfigError if the last seed is too large, InputError if a run ID is malformed, and
    RunExistsError if a single run is planned and its ID is taken.
    """
    planned = per_seed(config, run, seeds)
    for one in planned if seeds == 1 else missing(planned):
        new_run.check_new(one.run.workspace, one.run.id)
    return planned


def per_seed(config: RunConfig, run: Run, seeds: int) -> list[SeedRun]:
    """Plan as `plan` does, without checking the run IDs.

    Raises ConfigError if the last seed is too large.
    """
    if seeds == 1:
        return [SeedRun(config, run)]
    first = config.training.seed
    if first + seeds - 1 > _LARGEST_SEED:
        raise ConfigError(
            f"training.seed: {seeds} seeds starting at {first} exceed the largest seed, "
            f"{_LARGEST_SEED}; choose a smaller training.seed."
        )
    # The best of several seeds would pass the gate by chance more often than alpha says.
    promotion = config.promotion.model_copy(update={"gate": "off"})
    planned = []
    for seed in range(first, first + seeds):
        training = config.training.model_copy(update={"seed": seed})
        seeded = config.model_copy(update={"training": training, "promotion": promotion})
        planned.append(SeedRun(seeded, run.model_copy(update={"id": f"{run.id}-s{seed}"})))
    return planned


def missing(planned: Sequence[SeedRun]) -> list[SeedRun]:
    """Return the planned runs that do not exist yet."""
    return [one for one in planned if not run_folder.exists(one.run.workspace, one.run.id)]


def unfinished(planned: Sequence[SeedRun], source: Source) -> list[SeedRun]:
    """Drop the runs that an earlier, interrupted command with the same ID has completed.

    Raises InputError if a manifest of these cannot be read, and RunExistsError if such a run has
    other data or another config, apart from settings that change no result.
    """
    left = missing(planned)
    for config, run in (one for one in planned if one not in left):
        run_folder.pull(run.workspace)
        existing = run_folder.read_excerpt(run.workspace, run.id)
        same_config = content_of(existing.config) == content_of(config)
        if not same_config or existing.source_sha256 != source.sha256:
            what = "data" if same_config else "config"
            raise RunExistsError(
                f"The run {run.id!r} already exists in {run.workspace} with other {what}; choose "
                "another --run-id."
            )
    return left


def since_last(planned: Sequence[SeedRun], source: Source) -> Changes:
    """Compare planned runs with the last run of each seed, and their seeds with the noise band.

    The first seed that has changes, or has no earlier run, counts.
    """
    for one in planned:
        changes = provenance_diff.since_last_run(one.run.workspace, one.config, source)
        if not changes.unchanged or len(planned) == 1:
            return changes
    config, run = planned[0]
    setup = seed_noise.setup_of(source.dataset, source.sha256, config)
    band = seed_noise.read(run.workspace, setup)
    if band is None or not {one.config.training.seed for one in planned} <= set(band.seeds):
        return changes.model_copy(update={"changes": ("the noise band (not measured)",)})
    return changes


def measure(workspace: Workspace, run_ids: Sequence[str]) -> SeedSummary:
    """Measure the spread of some runs and store it as a noise band.

    Raises InputError if a manifest cannot be read or the runs differ in more than their seed, and
    StorageError if the artifacts root is full or cannot be written.
    """
    found = [run_folder.read_excerpt(workspace, run_id) for run_id in run_ids]
    band = seed_noise.measure(found)
    results = tuple(
        SeedResult(
            **run_folder.summary(workspace, run).model_dump(),
            seed=run.config.training.seed,
            test_accuracy_interval=run.records.evaluate.accuracy_interval,
        )
        for run in found
    )
    return SeedSummary(
        dataset=band.dataset,
        recipe=band.recipe,
        runs=results,
        noise=band,
        noise_file=str(seed_noise.write(workspace, band)),
    )
