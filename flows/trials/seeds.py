"""The runs of `train --seeds` side by side."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sightline.experiments import run_folder
from sightline.experiments import seeds as seed_runs
from sightline.experiments.seeds import SeedRun, SeedSummary
from sightline.flows.trials.parallel import CompleteRuns, run_side_by_side
from sightline.flows.trials.trial import Runner, Trial
from sightline.records import Source


def train_side_by_side(
    runner: Runner,
    planned: Sequence[SeedRun],
    unfinished: Sequence[SeedRun],
    source: Source,
    parallel: int,
) -> SeedSummary:
    """Train the unfinished seeds of a training that passed the checks, then measure all.

    Raises the error of the first seed that fails, which ends the others; runs that are complete are
    kept.
    """

    def trial(one: SeedRun) -> Trial:
        run = one.run.model_copy(update={"started": datetime.now(UTC)})
        return Trial(config=one.config, run=run, source=source, complete=True)

    trials = map(trial, unfinished)
    follower = CompleteRuns("seeds", len(planned) - len(unfinished), len(planned))
    run_side_by_side(runner, trials, parallel, follower)
    workspace = planned[0].run.workspace
    run_folder.pull(workspace)
    return seed_runs.measure(workspace, [one.run.id for one in planned])
