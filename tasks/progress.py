"""The progress of long stages in Prefect: a progress bar, a table of epochs, log lines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from sightline.pipeline.progress import Progress, listening
from sightline.tasks.artifacts import are_shown, best_effort, key_of, show_table

_STEP_SECONDS = 30  # Interval between log lines within a step
_EPOCH_SECONDS = 2
"""Interval between reports of short epochs; the first and the last are always logged."""


@contextmanager
def logged_progress() -> Iterator[None]:
    """Log the progress of the current task run while the block runs, at a readable rate."""
    logger = get_run_logger()
    last = time.monotonic()  # so that a short step logs nothing

    def log(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        interval = _EPOCH_SECONDS if progress.epoch_done else _STEP_SECONDS
        first_or_last = progress.epoch_done and progress.epoch in {1, progress.epochs}
        if now - last < interval and not first_or_last:
            return
        last = now
        subject = progress.stage.capitalize()
        if progress.epoch:
            subject = f"Epoch {progress.epoch} of {progress.epochs}"
        step = "" if progress.epoch_done else progress.step()
        logger.info("%s", ": ".join(filter(None, (subject, step, progress.listed_facts()))))

    with listening(log):
        yield


class EpochArtifacts:
    """Shows each finished epoch in the Prefect artifacts of the current task run.

    If the server does not answer, only the display suffers, never the training.
    """

    def __init__(self) -> None:
        """Create the progress artifact at zero."""
        self._id: UUID | None = None
        self._shown = 0.0
        self._rows: list[dict[str, float | str]] = []
        if not are_shown():
            return
        with best_effort():
            artifact = create_progress_artifact(
                0.0, key=key_of("training-progress"), description="Finished epochs"
            )
            self._id = cast("UUID", artifact)  # a coroutine only if called from one

    def update(self, progress: Progress) -> None:
        """Show the end of an epoch; ignore all other progress."""
        if not progress.epoch_done or progress.epoch is None or progress.epochs is None:
            return
        facts = {name: round(value, 4) for name, value in progress.facts.items()}
        self._rows.append({"epoch": progress.epoch, **facts})
        now = time.monotonic()
        if now - self._shown < _EPOCH_SECONDS and progress.epoch < progress.epochs:
            return
        self._shown = now
        if self._id is not None:
            with best_effort(tries=1):  # the training waits, and the next epoch is shown anyway
                update_progress_artifact(self._id, 100.0 * progress.epoch / progress.epochs)

    def finish(self) -> None:
        """Store the metrics of all epochs as a table."""
        show_table(self._rows, key="training-history", description="Metrics per epoch")
