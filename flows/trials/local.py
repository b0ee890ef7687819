"""Runs trials in local processes, which stay for the next trials."""

import os
from typing import Any

from sightline import errors
from sightline.errors import KerasProcessError, RunError
from sightline.flows.trials.trial import Epoch, Trial, TrialResult
from sightline.pipeline.child import Child, describe_exit
from sightline.pipeline.process import STOPPING_SECONDS
from sightline.pipeline.provenance import cores

_PROGRAM = "sightline.flows.trials.process"
_GRACE_SECONDS = STOPPING_SECONDS + 5  # Time for the training to write a checkpoint
_TRIALS_A_PROCESS = 10  # Keras keeps a few megabytes of each training


class LocalRunner:
    """Runs each trial in one of several processes, between which the cores are divided."""

    def __init__(self, parallel: int) -> None:
        """Start nothing yet."""
        self.at_once = parallel
        self.share = max(1, cores() // parallel) if parallel > 1 else None
        self._idle: list[_Process] = []
        self._all: list[_Process] = []

    def start(self, trial: Trial) -> "LocalAttempt":
        """Start a trial in an idle process, or in a new one."""
        process = self._idle.pop(0) if self._idle else self._new_process(trial)
        return LocalAttempt(self, process, trial)

    def close(self) -> None:
        """End all processes, side by side."""
        for process in self._all:
            process.child.terminate()
        for process in self._all:
            process.child.end(_GRACE_SECONDS)

    def release(self, process: "_Process") -> None:
        """Keep a process for the next trial, unless it has run many; `close` waits for it."""
        if process.trials < _TRIALS_A_PROCESS:
            self._idle.append(process)
        else:
            process.child.terminate()

    def _new_process(self, trial: Trial) -> "_Process":
        mirror = {"SIGHTLINE_MIRROR": trial.run.mirror} if trial.run.mirror else {}
        environment = {**os.environ, **mirror}
        process = _Process(Child(_PROGRAM, str(self.share or 0), environment=environment))
        self._all.append(process)
        return process


class _Process:
    def __init__(self, child: Child) -> None:
        self.child = child
        self.trials = 0  # Number of trials that it was sent


class LocalAttempt:
    """A trial in a local process."""

    def __init__(self, runner: LocalRunner, process: _Process, trial: Trial) -> None:
        """Send the trial to the process."""
        self._runner, self._process = runner, process
        self._end: dict[str, Any] | None = None
        process.trials += 1
        self._number = process.trials
        process.child.send({"number": self._number, "trial": trial.model_dump(mode="json")})

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.child.pid

    def epochs(self) -> list[Epoch]:
        """Return the epochs that were reported since the last call."""
        found: list[Epoch] = []
        while self._end is None and self._process.child.has_answer():
            message = self._process.child.receive()
            if message is None:
                self._end = {"died": True}
            elif message["number"] != self._number:
                continue  # of the trial before, which was cancelled
            elif "epoch" in message:
                found.append(Epoch.model_validate(message["epoch"]))
            else:
                self._end = message
        return found

    def result(self) -> TrialResult | None:
        """Return the result, None while it runs; raise the error of a trial that failed."""
        if self._end is None:
            return None
        if "died" in self._end:
            child = self._process.child
            code, tail = child.wait(), child.log_tail()
            raise KerasProcessError(
                f"The process of the trial died with {describe_exit(code)}.\n{tail}".strip()
            )
        self._runner.release(self._process)
        if "error" in self._end:
            kind, message = self._end["error"]["kind"], self._end["error"]["message"]
            raise errors.named(kind, message) or RunError(f"It stopped on {kind}: {message}")
        return TrialResult.model_validate(self._end["result"])

    def cancel(self) -> None:
        """Ask the process to stop the trial, and keep it for the next one."""
        self._process.child.send({"stop": self._number})
        self._runner.release(self._process)
