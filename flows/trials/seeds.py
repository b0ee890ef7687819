"""The runs of `train --seeds` side by side."""

from collections.abc import Sequence

from sightline.errors import SightlineError
from sightline.experiments import seeds as seed_runs
from sightline.experiments.seeds import SeedRun, SeedSummary
from sightline.flows.trials.parallel import run_side_by_side
from sightline.flows.trials.trial import Epoch, Runner, Trial, TrialResult
from sightline.pipeline.progress import Progress, emit
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
    trials = (
        Trial(config=one.config, run=one.run, source=source, complete=True) for one in unfinished
    )
    follower = _Seeds(len(planned) - len(unfinished), len(planned))
    run_side_by_side(runner, trials, parallel, follower)
    return seed_runs.measure(planned[0].run.workspace, [one.run.id for one in planned])


class _Seeds:
    """Counts the complete runs."""

    def __init__(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def started(self, trial: Trial) -> None:
        self._emit()

    def wants_more(self, trial: Trial, epoch: Epoch) -> bool:
        return True

    def ended(self, trial: Trial, result: TrialResult | SightlineError | None) -> None:
        if isinstance(result, SightlineError):
            raise result
        self._done += 1
        self._emit()

    def _emit(self) -> None:
        emit(Progress(stage="seeds", done=self._done, total=self._total, unit="done"))
