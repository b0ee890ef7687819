"""Keeps several trials running at a time and follows each to its end."""

import logging
import time
from collections.abc import Iterator
from typing import Protocol

from sightline.errors import HandoverLostError, KerasProcessError, SightlineError
from sightline.flows.trials.trial import Attempt, Epoch, Runner, Trial, TrialResult
from sightline.pipeline.progress import Progress, emit

_POLL_SECONDS = 0.1
_ATTEMPTS = 3  # Attempts at a trial whose process is lost
_log = logging.getLogger("sightline.flows")


class Follower(Protocol):
    """Learns how trials go."""

    def started(self, trial: Trial) -> None:
        """Take note that a trial was started."""

    def wants_more(self, trial: Trial, epoch: Epoch) -> bool:
        """Take note of an epoch; return False to end the trial, which `ended` then hears of."""

    def ended(self, trial: Trial, result: TrialResult | SightlineError | None) -> None:
        """Take note of a result, of the error of a failed trial, or of None if it was ended.

        May raise, which cancels the trials that are still running.
        """


def run_side_by_side(
    runner: Runner, trials: Iterator[Trial], parallel: int, follower: Follower
) -> None:
    """Run trials, at most `parallel` at a time, each drawn when there is room for it.

    A trial whose process is lost is started again. Raises what the follower raises.
    """
    running: list[_Followed] = []
    left = True
    try:
        while left or running:
            while left and len(running) < parallel:
                if (trial := next(trials, None)) is None:
                    left = False
                else:
                    running.append(_Followed(runner, trial, follower))
            running = [one for one in running if not one.has_ended()]
            if running and (len(running) == parallel or not left):
                time.sleep(_POLL_SECONDS)
    except BaseException:
        for one in running:
            if not one.is_over:
                one.attempt.cancel()
        raise


class CompleteRuns:
    """Counts complete runs, and ends all with the first that fails."""

    def __init__(self, stage: str, done: int, total: int) -> None:
        """Start with the runs that are complete; `stage` names the progress."""
        self._stage = stage
        self._done, self._total = done, total

    def started(self, trial: Trial) -> None:
        """Show the count."""
        self._emit()

    def wants_more(self, trial: Trial, epoch: Epoch) -> bool:
        """Let it go on."""
        return True

    def ended(self, trial: Trial, result: TrialResult | SightlineError | None) -> None:
        """Count it; raise its error if it failed."""
        if isinstance(result, SightlineError):
            raise result
        self._done += 1
        self._emit()

    def _emit(self) -> None:
        emit(Progress(stage=self._stage, done=self._done, total=self._total, unit="done"))


class _Followed:
    """A running trial."""

    def __init__(self, runner: Runner, trial: Trial, follower: Follower) -> None:
        self._runner, self._trial, self._follower = runner, trial, follower
        self._lost = 0
        self.is_over = False
        follower.started(trial)
        self.attempt: Attempt = runner.start(trial)

    def has_ended(self) -> bool:
        """Pass on what happened; return whether the trial is over."""
        for epoch in self.attempt.epochs():
            if not self._follower.wants_more(self._trial, epoch):
                self.attempt.cancel()
                return self._end(None)
        try:
            result = self.attempt.result()
        except (KerasProcessError, HandoverLostError) as error:
            self._lost += 1
            if self._lost == _ATTEMPTS:
                return self._end(error)
            _log.warning("%s is started again: %s", self._trial.run.id, error)
            self.attempt = self._runner.start(self._trial)
            return False
        except SightlineError as error:
            return self._end(error)
        return result is not None and self._end(result)

    def _end(self, result: TrialResult | SightlineError | None) -> bool:
        self.is_over = True
        self._follower.ended(self._trial, result)
        return True
