"""What a notebook shows of a run and of a data set, as HTML; text from data is escaped."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from sightline.api.run_file import RunFile
from sightline.experiments import run_folder
from sightline.reporting import summary
from sightline.reporting.page import data_url
from sightline.reporting.table import interval
from sightline.storage.text import printable

if TYPE_CHECKING:
    from sightline.api.run import Run

_FIGURES = ("curves", "confusion_matrix", "mistakes")


def of_run(run: "Run") -> str:
    """Show accuracy, baseline, some figures and a link to the report."""
    evaluation = run.manifest.records.evaluate
    others = [f"majority-class baseline {summary.baseline(evaluation):.2%}"]
    if evaluation.linear_reference:
        others.append(summary.reference(evaluation))
    title = Markup("<p><b>Run {}</b> · {} · {}</p>").format(
        run_folder.short_id(run.id), run.manifest.records.ingest.dataset, run.manifest.config.recipe
    )
    result = Markup("<p>Test accuracy <b>{}</b> (95% interval {}) · {}</p>").format(
        f"{evaluation.accuracy:.2%}", interval(evaluation.accuracy_interval), ", ".join(others)
    )
    shown = {name: run.figures[name] for name in _FIGURES if name in run.figures}
    return title + result + figures(shown) + Markup("<p>{}</p>").format(run.report.link("Report"))


def figures(shown: Mapping[str, RunFile]) -> Markup:
    """Show figures side by side; those whose files are gone are left out."""
    image = Markup('<img src="{}" alt="{}" style="max-width: 32%; vertical-align: top">')
    return Markup("").join(
        image.format(data_url(figure.thumbnail()), name.replace("_", " "))
        for name, figure in shown.items()
        if figure.path.is_file()
    )


def table(rows: Iterable[tuple[str, str]]) -> Markup:
    """Show titles and sentences."""
    row = Markup(
        '<tr><th style="text-align: left">{}</th><td style="text-align: left">{}</td></tr>'
    )
    cells = Markup("").join(row.format(title, printable(text)) for title, text in rows)
    return Markup("<table>{}</table>").format(cells)
