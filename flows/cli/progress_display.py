"""The progress of a command on standard error."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from sightline.flows.cli.console import err
from sightline.pipeline.progress import Progress, listening

_LOG_SECONDS = 10  # Interval at which a step without epochs is logged if there is no terminal


class ProgressDisplay:
    """Progress bars in a terminal, plain lines elsewhere; both on standard error."""

    def __init__(self) -> None:
        """Create the progress bars."""
        self._bars = Bars(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(compact=True),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._logged: dict[str, float] = {}
        self._listening = listening(self._show)

    def __enter__(self) -> Self:
        """Start to listen for progress."""
        self._listening.__enter__()
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the progress bars."""
        self._bars.stop()
        self._listening.__exit__(kind, error, traceback)

    def _show(self, progress: Progress) -> None:
        self._move_bar(progress)
        if progress.epoch_done:
            err.print(f"Epoch {progress.epoch}/{progress.epochs}  {progress.listed_facts()}")
        elif not err.is_terminal and progress.epoch is None:
            self._log_step(progress)

    def _move_bar(self, progress: Progress) -> None:
        done, total, name = progress.done, progress.total, progress.stage.capitalize()
        if progress.epoch and progress.epochs and total:
            name = f"Epoch {progress.epoch}/{progress.epochs}"
            done, total = (progress.epoch - 1) * total + done, progress.epochs * total
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(name, total=total, facts="")
        self._bars.update(
            self._tasks[progress.stage],
            description=name,
            completed=done,
            total=total,
            facts=progress.listed_facts() or f"{done:,} {progress.unit}",
            visible=total is None or done < total,
        )

    def _log_step(self, progress: Progress) -> None:
        now = time.monotonic()
        last = self._logged.setdefault(progress.stage, now)
        if now - last >= _LOG_SECONDS:
            self._logged[progress.stage] = now
            err.print(f"{progress.stage.capitalize()}: {progress.step()}")
        if progress.done == progress.total:  # the next seed has this step again
            del self._logged[progress.stage]
