"""Log lines of a long step at a rate that a person can read in the Prefect UI."""

import time

from prefect.logging import get_run_logger

from sightline.pipeline.progress import Progress

_STEP_SECONDS = 30
"""Time between two lines of one step."""

_EPOCH_SECONDS = 2
"""Time between two lines of short epochs; the first and the last are always logged."""


class ProgressLog:
    """Turns progress into log lines of the current task run."""

    def __init__(self) -> None:
        """Begin to count from now: a short step leaves no line."""
        self._logger = get_run_logger()
        self._last = time.monotonic()

    def update(self, progress: Progress) -> None:
        """Log the end of an epoch, or how far a step is, if the last line is long ago."""
        now = time.monotonic()
        quiet = _EPOCH_SECONDS if progress.epoch_done else _STEP_SECONDS
        if now - self._last < quiet and not _is_first_or_last(progress):
            return
        self._last = now
        self._logger.info("%s%s", _headline(progress), _facts(progress))


def _is_first_or_last(progress: Progress) -> bool:
    return progress.epoch_done and progress.epoch in {1, progress.epochs}


def _headline(progress: Progress) -> str:
    epoch = f"Epoch {progress.epoch} of {progress.epochs}"
    if progress.epoch_done:
        return epoch
    of = f" of {progress.total:,}" if progress.total else ""
    subject = epoch if progress.epoch else progress.stage.capitalize()
    return f"{subject}: {progress.done:,}{of} {progress.unit}"


def _facts(progress: Progress) -> str:
    listed = ", ".join(f"{name} {round(value, 4):g}" for name, value in progress.facts.items())
    return f": {listed}" if listed else ""
