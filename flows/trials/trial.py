"""A trial, what it reports, and what a runner of trials must be able to do.

A runner starts trials somewhere: in local processes (`local`) or as runs of a deployment
(`deployed`). `parallel` keeps several of them busy.
"""

from typing import Protocol

from pydantic import ConfigDict

from sightline.config import RunConfig
from sightline.records import Record, Run, Source

DEPLOYMENT = "trial/trial-cpu"
"""The deployment of prefect.yaml that runs one trial."""


class Trial(Record):
    """One training among several, with a run ID of its own."""

    config: RunConfig
    run: Run
    source: Source
    # True: an ordinary run, with evaluation, report and registry; False: it ends after the training
    complete: bool = False


class Epoch(Record):
    """A finished epoch of a trial."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # a loss may be infinite

    epoch: int  # From 1
    metrics: dict[str, float]  # Such as loss and val_accuracy
    cpu_seconds: float = 0.0  # CPU time of the trial so far; 0 if unknown


class TrialResult(Record):
    """The end of a trial. An ordinary run leaves its run folder and no epochs here."""

    epochs: tuple[Epoch, ...] = ()  # All epochs, also those of earlier attempts
    kept: int = 0  # The epoch whose weights are kept
    seconds: float  # Time of the last attempt
    cpu_seconds: float  # CPU time of the last attempt


class Attempt(Protocol):
    """A started trial."""

    def epochs(self) -> list[Epoch]:
        """Return the epochs that were reported since the last call, without waiting."""

    def result(self) -> TrialResult | None:
        """Return the result; None while the trial runs.

        Raises a SightlineError if the trial failed. `KerasProcessError` and `HandoverLostError`
        mean that its process was lost: the same trial, started again, resumes.
        """

    def cancel(self) -> None:
        """End the trial; its training writes a checkpoint first."""


class Runner(Protocol):
    """Starts trials; as many run at a time as are started."""

    at_once: int  # Number of trials that it has room for

    def start(self, trial: Trial) -> Attempt:
        """Start a trial, or find the attempt at it that another process has started.

        Raises ConfigError or ServerError if no trial can run.
        """

    def close(self) -> None:
        """End the processes of the runner."""
