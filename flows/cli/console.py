"""Terminal output: log lines, tables and errors."""

import logging
import sys
import webbrowser
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.experiments.verify import Damage
from sightline.records import Mistake, RunSummary
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_MOST_SENTENCES = 3  # Warnings, and steps to try next; the report has all
_NARROW = 80  # Characters a line of a terminal that shows all columns of a table
_LONGEST_NAME = 40
_MOST_NOTES = 5  # Decisions on the data; the report has all


class _Terminal(Console):
    """A console that shows control codes in names and messages instead of sending them."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as Rich does, and keep only Rich's own control codes."""
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
    """Escape Rich markup and the control codes of terminals."""
    return escape(printable(text))


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def out() -> Console:
    """Return a console on standard output."""
    return _Terminal(highlight=False)


def say(text: str) -> None:
    """Print a line on standard output, without markup or wrapping."""
    out().print(text, soft_wrap=True, markup=False)


def note(text: str) -> None:
    """Print a line on standard error, without markup or wrapping."""
    err.print(text, soft_wrap=True, markup=False)


def show_notes(notes: Sequence[str]) -> None:
    """Print the first decisions on the data."""
    for sentence in notes[:_MOST_NOTES]:
        note(f"Note: {printable(sentence)}")
    if others := len(notes[_MOST_NOTES:]):
        note(f"Note: {others} more in the report and in `sightline datasets inspect`.")


def show_log(*, verbose: bool) -> None:
    """Show Sightline's log on standard error: warnings, or everything if verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s: %(message)s"))
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    logger = logging.getLogger("sightline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def table(
    columns: Iterable[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[int] = (),
    wide: Collection[int] = (),
    **style: Any,
) -> Table:
    """Build a table of cells in Rich markup; nothing is cut, and short names stay on one line.

    Numbers of columns: those in `right` are aligned to the right, those in `wide` are left out in
    a narrow terminal.
    """
    rows = list(rows)
    left_out = wide if out().width < _NARROW else ()
    made = Table(**style)
    for number, name in enumerate(columns):
        if number not in left_out:
            side: Literal["right", "left"] = "right" if number in right else "left"
            is_short = number == 0 and all(len(row[0]) <= _LONGEST_NAME for row in rows)
            made.add_column(name, overflow="fold", justify=side, no_wrap=is_short)
    for row in rows:
        made.add_row(*(cell for number, cell in enumerate(row) if number not in left_out))
    return made


def mistakes(title: str, found: Iterable[Mistake]) -> Table:
    """List wrong predictions with the files of their images."""
    rows = (
        [*map(plain, (one.image, one.label, one.predicted)), f"{one.probability:.1%}"]
        for one in found
    )
    columns = (title, "Label", "Predicted", "Confidence")
    return table(columns, rows, right=[3])


def percent(share: float | None) -> str:
    """Write a share as a percentage; empty if it was not measured."""
    return "" if share is None else f"{share:.2%}"


def show_skipped(error: InputError) -> None:
    """Print why a run or a model is missing from a list."""
    note(f"Skipped: {error}")


def show_no_runs(workspace: Workspace) -> None:
    """Print that there are no runs, or none that match the filters."""
    if run_folder.run_ids(workspace):
        say("No matching runs; `sightline runs list` shows all.")
    else:
        say(f"No runs in {workspace} yet; start one with `sightline train`.")


def show_damages(damages: Iterable[Damage]) -> None:
    """Print each damaged file with what was expected and found."""
    for damage in damages:
        note(f"{damage.path}: expected {damage.expected}, found {damage.found}")


def damage_mark(damages: Sequence[object]) -> str:
    """Return the cell of a table that says whether files are damaged."""
    return f"[bold red]damaged: {len(damages)}[/bold red]" if damages else "[green]ok[/green]"


def open_in_browser(page: Path) -> None:
    """Open a page in the browser, or print that there is none."""
    if not webbrowser.open(page.as_uri()):
        note("Could not start a browser; open the file above yourself.")


def show_summary(summary: RunSummary, console: Console) -> None:
    """Print the stages, the test accuracy and the path of the report."""
    console.print(f"Run {summary.run_id}", soft_wrap=True, markup=False)
    rows = [
        (name, f"{stage.seconds:.1f}", "yes" if stage.cached else "no")
        for name, stage in summary.stages.items()
    ]
    stages = table(("Stage", "Seconds", "Cached"), rows, right=[1])
    stages.add_section()
    stages.add_row("total", f"{summary.total_seconds:.1f}", "")
    console.print(stages)
    balanced, linear = percent(summary.balanced_accuracy), percent(summary.linear_accuracy)
    console.print(
        f"Test accuracy [bold]{summary.test_accuracy:.2%}[/bold], "
        f"{f'balanced {balanced}, ' if balanced else ''}"
        f"loss {summary.test_loss:.4f}, {summary.parameters:,} parameters, "
        f"majority-class baseline {summary.baseline_accuracy:.2%}"
        f"{f', logistic regression on 8x8 pixels {linear}' if linear else ''}",
        soft_wrap=True,
    )
    if summary.sampled:
        console.print(f"Measured: {summary.sampled}", soft_wrap=True, markup=False)
    for title, sentences in (("Attention", summary.warnings), ("Next", summary.advice)):
        for sentence in (sentences or ())[:_MOST_SENTENCES]:
            console.print(f"{title}: {plain(sentence)}", soft_wrap=True)
    if (promotion := summary.promotion) is not None:
        what = "[bold green]champion[/bold green]" if promotion.promoted else "not promoted"
        version = plain(promotion.version or "of this run")
        console.print(f"Model {version}, {what}: {plain(promotion.sentence)}", soft_wrap=True)
    if summary.unlabelled_predictions:
        predictions = f"Predictions of the images without labels: {summary.unlabelled_predictions}"
        console.print(predictions, soft_wrap=True, markup=False)
    console.print(f"Report: {summary.run_dir}/report.html", soft_wrap=True, markup=False)
