"""What Prefect shows of a training while it runs: a progress bar and a table."""

import time
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from sightline.pipeline.progress import Progress
from sightline.tasks.display import display_only

_QUIET_SECONDS = 2
"""Time between two updates where epochs are short; the last is always shown."""


class EpochArtifacts:
    """Turns the end of each epoch into Prefect artifacts of the current task run.

    A server that does not answer costs the display, never the training.
    """

    def __init__(self) -> None:
        """Create the progress artifact at zero."""
        self._id: UUID | None = None
        self._shown = 0.0
        self._rows: list[dict[str, float | str]] = []
        with display_only():
            artifact = create_progress_artifact(
                0.0, key="training-progress", description="Epochs of training done"
            )
            self._id = cast("UUID", artifact)  # a coroutine only where it is called from one

    def update(self, progress: Progress) -> None:
        """Show the end of an epoch; other progress passes by."""
        if not progress.epoch_done or progress.epoch is None or progress.epochs is None:
            return
        facts = {name: round(value, 4) for name, value in progress.facts.items()}
        self._rows.append({"epoch": progress.epoch, **facts})
        now = time.monotonic()
        if now - self._shown < _QUIET_SECONDS and progress.epoch < progress.epochs:
            return
        self._shown = now
        with display_only():
            if self._id is not None:
                update_progress_artifact(self._id, 100.0 * progress.epoch / progress.epochs)

    def finish(self) -> None:
        """Keep the history as a table."""
        with display_only():
            create_table_artifact(
                self._rows, key="training-history", description="One row an epoch"
            )
