"""What a person sees in the terminal: progress, tables, errors."""

import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.segment import Segment
from rich.table import Table

from sightline.errors import InputError
from sightline.pipeline.progress import Progress, listening
from sightline.records import Promotion, RunSummary
from sightline.runs import run_folder
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_QUIET_SECONDS = 10
"""How long a step without epochs goes on before it is mentioned in a log file."""


class _Terminal(Console):
    """A console that shows what a terminal would obey: names from outside may hold such codes."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as Rich does; only Rich's own codes are left."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(_printable_lines(segment.text), segment.style)


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _printable_lines(super().format(record))


err = _Terminal(stderr=True, highlight=False)


def plain(text: str) -> str:
    """Escape what Rich would take for markup, and a terminal for commands."""
    return escape(printable(text))


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def out() -> Console:
    """Return a console on standard output."""
    return _Terminal(highlight=False)


def show_log(*, verbose: bool) -> None:
    """Show Sightline's own log lines on standard error: warnings, or all of them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s: %(message)s"))
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    logger = logging.getLogger("sightline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def show_left_out(error: InputError) -> None:
    """Say that a run is left out of a list, and why."""
    err.print(f"Left out: {error}", soft_wrap=True, markup=False)


def show_no_runs(workspace: Workspace, given: Path) -> None:
    """Say that there are no runs, or none that are wanted."""
    if run_folder.run_ids(workspace):
        out().print("No run is of that kind; `sightline runs list` shows what there is.")
    else:
        out().print(f"No runs in {given} yet; begin with `sightline train`.", markup=False)


class ProgressDisplay:
    """Bars in a terminal, plain lines elsewhere; all on standard error."""

    def __init__(self) -> None:
        """Prepare the bars."""
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
        self._mentioned: dict[str, float] = {}
        self._listening = listening(self._show)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._listening.__enter__()
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bars."""
        self._bars.stop()
        self._listening.__exit__(kind, error, traceback)

    def _show(self, progress: Progress) -> None:
        self._move_bar(progress)
        if progress.epoch_done:
            err.print(f"Epoch {progress.epoch}/{progress.epochs}  {_facts(progress)}")
        elif not err.is_terminal and progress.epoch is None:
            self._mention(progress)

    def _move_bar(self, progress: Progress) -> None:
        done, total, name = progress.done, progress.total, progress.stage.capitalize()
        if progress.epoch and progress.epochs and total:
            name = f"Epoch {progress.epoch}/{progress.epochs}"
            done, total = (progress.epoch - 1) * total + done, progress.epochs * total
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(name, total=total, facts="")
        bar = self._tasks[progress.stage]
        self._bars.update(
            bar,
            description=name,
            completed=done,
            total=total,
            facts=_facts(progress) or f"{done:,} {progress.unit}",
            visible=total is None or done < total,
        )

    def _mention(self, progress: Progress) -> None:
        now = time.monotonic()
        last = self._mentioned.setdefault(progress.stage, now)
        if now - last >= _QUIET_SECONDS:
            self._mentioned[progress.stage] = now
            of = f" of {progress.total:,}" if progress.total else ""
            err.print(f"{progress.stage.capitalize()}: {progress.done:,}{of} {progress.unit}")
        if progress.done == progress.total:  # the step of the next seed is another one
            del self._mentioned[progress.stage]


def show_summary(summary: RunSummary, console: Console) -> None:
    """Print the table of stages, the test accuracy and where the report lies."""
    console.print(f"Run {summary.run_id}", soft_wrap=True, markup=False)
    table = Table("Stage", "Seconds", "Cached")
    table.columns[1].justify = "right"
    for name, stage in summary.stages.items():
        table.add_row(name, f"{stage.seconds:.1f}", "yes" if stage.cached else "no")
    table.add_section()
    table.add_row("whole run", f"{summary.total_seconds:.1f}", "")
    console.print(table)
    console.print(
        f"Test accuracy [bold]{summary.test_accuracy:.2%}[/bold], "
        f"loss {summary.test_loss:.4f}, {summary.parameters:,} parameters; always naming the most "
        f"frequent class gets {summary.baseline_accuracy:.2%}",
        soft_wrap=True,
    )
    if summary.promotion is not None:
        _show_promotion(summary.promotion, console)
    console.print(f"Report: {summary.run_dir}/report.html", soft_wrap=True, markup=False)


def _show_promotion(promotion: Promotion, console: Console) -> None:
    what = "[bold green]champion[/bold green]" if promotion.promoted else "not promoted"
    console.print(
        f"Model {plain(promotion.version or 'of this run')}, {what}: {plain(promotion.sentence)}",
        soft_wrap=True,
    )


def _facts(progress: Progress) -> str:
    shown = []
    for name, value in progress.facts.items():
        if name == "images_per_second":
            shown.append(f"{value:,.0f} images/s")
        elif name.endswith("accuracy"):
            shown.append(f"{name} {value:.2%}")
        else:
            shown.append(f"{name} {value:.4f}")
    return "  ".join(shown)
