"""The trials of a hyperparameter search, drawn from its study and told to it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sightline.config import RunConfig
from sightline.errors import (
    ArtifactsRootError,
    ConfigError,
    DivergenceError,
    RunError,
    SightlineError,
)
from sightline.experiments.search import space
from sightline.experiments.search.study import Study
from sightline.experiments.search.trial import SearchTrial
from sightline.flows.trials.parallel import run_side_by_side
from sightline.flows.trials.trial import Epoch, Runner, Trial, TrialResult
from sightline.records import Run, Source

_FAILURES = 3  # Failed trials after which a search without a success ends


class Search:
    """Follows the trials of a search."""

    def __init__(
        self,
        study: Study,
        base: RunConfig,
        run: Run,
        source: Source,
        show: Callable[[SearchTrial], None],
    ) -> None:
        """Apply the values of each trial to the config `base`; `show` gets each trial that ends."""
        self._study, self._run, self._source, self._show = study, run, source, show
        # A trial neither is promoted nor compares itself: that is for the winner.
        off = base.promotion.model_copy(update={"gate": "off"})
        self._base = base.model_copy(update={"promotion": off})
        self._running: dict[str, _Running] = {}

    def run(self, runner: Runner, trials: int, parallel: int) -> None:
        """Run trials until the study has so many; those that were running are resumed first.

        Raises the last error if all of the first trials fail.
        """
        run_side_by_side(runner, self._trials(trials), parallel, self)

    def _trials(self, total: int) -> Iterator[Trial]:
        for one in self._study.trials():
            if one.state == "running":
                yield from self._trial(one)
        while len(self._study.trials()) < total:
            yield from self._trial(self._study.draw())

    def _trial(self, drawn: SearchTrial) -> Iterator[Trial]:
        try:
            config = space.apply(self._base, drawn.values)
        except ConfigError as error:  # rare: the space was checked
            self._fail(drawn.number, error)
            return
        run_id = f"{self._study.name}-{self._study.token}-t{drawn.number}"
        run = self._run.model_copy(update={"id": run_id, "started": datetime.now(UTC)})
        self._running[run_id] = _Running(drawn.number, config.training.epochs)
        yield Trial(config=config, run=run, source=self._source)

    def started(self, trial: Trial) -> None:
        """Start the clock of a trial."""
        self._running[trial.run.id].started = time.monotonic()

    def wants_more(self, trial: Trial, epoch: Epoch) -> bool:
        """Tell the study an epoch; return whether the trial should go on."""
        running = self._running[trial.run.id]
        running.cpu_seconds = epoch.cpu_seconds
        goes_on = self._study.report(running.number, epoch.epoch, epoch.metrics)
        return goes_on or epoch.epoch >= running.epochs

    def ended(self, trial: Trial, result: TrialResult | SightlineError | None) -> None:
        """Tell the study the end of a trial.

        Raises the error of a worker with another artifacts root; the trial is resumed later.
        """
        if isinstance(result, ArtifactsRootError):
            raise result
        running = self._running.pop(trial.run.id)
        number, cpu_seconds = running.number, running.cpu_seconds
        seconds = time.monotonic() - running.started
        if isinstance(result, TrialResult):
            seconds, cpu_seconds = result.seconds, result.cpu_seconds
        self._study.add_cost(number, seconds, cpu_seconds)
        if isinstance(result, DivergenceError):
            self._study.end(number, "diverged", message=str(result))
        elif isinstance(result, SightlineError):
            self._fail(number, result)
        elif result is None or not self._all_wanted(running, result):
            self._study.end(number, "pruned")
        else:
            metric = result.epochs[result.kept - 1].metrics.get(self._study.setup.metric)
            self._study.end(number, "complete", metric)
        self._show(self._study.trials()[number])

    def _all_wanted(self, running: "_Running", result: TrialResult) -> bool:
        """Tell the study the epochs that it has not heard of; a fast trial may outrun it."""
        return all(
            self._study.report(running.number, one.epoch, one.metrics)
            or one.epoch >= min(running.epochs, len(result.epochs))
            for one in result.epochs
        )

    def _fail(self, number: int, error: SightlineError) -> None:
        self._study.end(number, "failed", message=str(error))
        states = [one.state for one in self._study.trials() if one.state != "running"]
        if states.count("failed") == len(states) >= _FAILURES:
            raise RunError(f"The first {len(states)} trials all failed; the last one: {error}")


class _Running:
    def __init__(self, number: int, epochs: int) -> None:
        self.number, self.epochs = number, epochs
        self.started = time.monotonic()
        self.cpu_seconds = 0.0
