"""Compares a run with the run of its data set's champion, whether or not the gate is on."""

from contextlib import suppress

from sightline.errors import InputError
from sightline.experiments import flips, run_folder
from sightline.records import DatasetFiles, Evaluation, Run, RunComparison
from sightline.registry.aliases import run_of


def with_champion(run: Run, files: DatasetFiles, evaluation: Evaluation) -> RunComparison | None:
    """Compare a run that is about to be published with the champion's, on the test images.

    Returns None if there is no champion or its records cannot be read, which other commands report.
    """
    with suppress(InputError):
        if champion := run_of(run.workspace, files.dataset, "champion"):
            other = run_folder.read(run.workspace, champion)
            return flips.with_run(run, other, files, evaluation)
    return None
