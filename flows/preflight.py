"""The checks before a training, run once by each entry point: the command and the deployed flow.

It does not import Prefect, so that the command can refuse a mistake before that import.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sightline.config import RunConfig
from sightline.data import ingest, locate, preprocess
from sightline.data.validation import gate
from sightline.evaluation import slices
from sightline.experiments import new_run, run_folder
from sightline.experiments import seeds as seed_runs
from sightline.experiments.provenance_diff import Changes
from sightline.experiments.seeds import SeedRun
from sightline.experiments.tracking import trackers
from sightline.models import source_files
from sightline.records import DataGateResult, DatasetFiles, Record, Run, Source
from sightline.registry import workflow


@dataclass(frozen=True)
class Preflight:
    """A training that passed the checks."""

    config: RunConfig  # Config of the training; of the first seed if there are several
    run: Run  # The run that was asked for
    planned: Sequence[SeedRun]  # The run itself, or one run per seed
    unfinished: Sequence[SeedRun]  # The planned runs that do not exist yet
    source: Source  # The data set's source
    changes: Changes | None = None  # Changes since the last run, if it was asked for
    unchanged: bool = False  # Whether there is nothing to do since the last run

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Reserve the IDs of the unfinished runs, and keep the workspace from being pruned.

        Raises RunExistsError if an ID is taken, StorageError if the workspace cannot be written.
        """
        with self.run.workspace.in_use(), ExitStack() as held:
            for one in self.unfinished:
                held.enter_context(new_run.claim(one.run.workspace, one.run.id))
            yield


class IngestedAhead(Record):
    """Data that was ingested and checked before the flow started."""

    seconds: float  # Time it took
    gate: DataGateResult  # Result of the data gate


def preflight(
    config: RunConfig, run: Run, seeds: int = 1, *, compare: bool = False, force: bool = False
) -> Preflight:
    """Check everything that needs neither data nor Keras, the cheapest first.

    Args:
        compare: Whether to compare with the last run, and stop if nothing changed.
        force: Whether to continue even if nothing changed.

    Raises ConfigError if the last seed is too large, an export format is not installed or a file
    that the section model names is missing,
    DataError if the data set does not exist, InputError if a run ID is malformed or the signing
    key unusable, RunExistsError if a run ID is taken, and StorageError as `Preflight.claimed`.
    """
    config = config.model_copy(update={"model": source_files.pin(config.model)})
    planned = seed_runs.plan(config, run, seeds)
    run.workspace.check_writable()
    source = locate.locate(config.data)
    unfinished = seed_runs.unfinished(planned, source)
    changes = seed_runs.since_last(planned, source) if compare else None
    unchanged = bool(changes and changes.unchanged and not (force or run.refresh))
    if not unchanged:
        trackers.check(config.tracking)
        workflow.check_requirements(planned[0].config)
    return Preflight(
        planned[0].config, run, planned, unfinished, source, changes, unchanged=unchanged
    )


def ingest_ahead(config: RunConfig, run: Run, source: Source) -> IngestedAhead:
    """Ingest and check the data while a server starts, so that unusable data fails at once.

    Raises DataError if the data cannot be read or the data gate refuses it, ConfigError if an image
    size does not fit the data, and errors as `check_settings`.
    """
    started = time.monotonic()
    files = ingest.ingest(run, source, config.data)
    last_run = run_folder.last(run.workspace, files.dataset)
    result = gate.check_data(run.workspace, files, config.data_gate, last_run)
    check_settings(config, run, files)
    return IngestedAhead(seconds=time.monotonic() - started, gate=result)


def check_settings(config: RunConfig, run: Run, files: DatasetFiles) -> None:
    """Check the settings that depend on the data.

    Raises ConfigError if a slice does not exist or a validation split is needed and there is none,
    and DataError if a class has too few images to hold some out.
    """
    preprocess.check_validation_split(files, config.preprocessing, config.training)
    slices.check(run.workspace, files, config.evaluation.slices)
