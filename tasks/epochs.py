"""What Prefect shows of a training while it runs: a progress bar, a log line, a table."""

from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.logging import get_run_logger

from sightline.progress import Progress


class EpochArtifacts:
    """Turns the end of each epoch into Prefect artifacts of the current task run."""

    def __init__(self) -> None:
        """Create the progress artifact at zero."""
        artifact = create_progress_artifact(
            0.0, key="training-progress", description="Epochs of training done"
        )
        self._id = cast("UUID", artifact)  # a coroutine only where it is called from one
        self._rows: list[dict[str, float | str]] = []

    def update(self, progress: Progress) -> None:
        """Show the end of an epoch; other progress passes by."""
        if not progress.epoch_done or progress.epoch is None or progress.epochs is None:
            return
        update_progress_artifact(self._id, 100.0 * progress.epoch / progress.epochs)
        facts = {name: round(value, 4) for name, value in progress.facts.items()}
        self._rows.append({"epoch": progress.epoch, **facts})
        listed = ", ".join(f"{name} {value:g}" for name, value in facts.items())
        get_run_logger().info("Epoch %d of %d: %s", progress.epoch, progress.epochs, listed)

    def finish(self) -> None:
        """Keep the history as a table."""
        create_table_artifact(self._rows, key="training-history", description="One row an epoch")
