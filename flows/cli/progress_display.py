"""The progress of a command on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from sightline.flows.cli.console import err
from sightline.pipeline.progress import Progress, listening

_LOG_SECONDS = 10  # Interval at which a step without epochs is logged if there is no terminal


@contextmanager
def progress_display() -> Iterator[None]:
    """Show progress bars in a terminal, plain lines elsewhere; both on standard error."""
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[facts]}"),
        TimeRemainingColumn(compact=True),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with listening(_Display(bars).show), bars:
        yield


class _Display:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._logged: dict[str, float] = {}

    def show(self, progress: Progress) -> None:
        self._move_bar(progress)
        if progress.epoch_done:
            err.print(f"Epoch {progress.epoch}/{progress.epochs}  {progress.listed_facts()}")
        elif not err.is_terminal and progress.epoch is None and progress.unit:
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
            facts=progress.listed_facts() or (f"{done:,} {progress.unit}" if progress.unit else ""),
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
