"""Prefect artifacts of runs: tables, images and the report.

Each key is one history in Prefect's UI, so it names the data set: training-report-mnist.
"""

import base64
import logging
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prefect.artifacts import (
    Artifact,
    create_image_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, PREFECT_UI_ENABLED, temporary_settings

from sightline.experiments import history, run_folder
from sightline.records import Decision, Run, RunSummary, StageRecords
from sightline.records.manifest import ManifestExcerpt
from sightline.reporting.figures.accuracy_history import draw_accuracy_history
from sightline.reporting.page import escape_markdown

# Key, figure and caption
_FIGURES = (
    ("training-curves", "curves", "Accuracy and loss per epoch"),
    ("confusion-matrix", "confusion_matrix", "Test split; rows: label, columns: prediction"),
)
_log = logging.getLogger("sightline.tasks")
_dataset: ContextVar[str | None] = ContextVar("dataset", default=None)


def about(dataset: str | None) -> None:
    """Name the data set of this flow run, which the keys of its artifacts have from here on."""
    _dataset.set(dataset)


def dataset() -> str | None:
    """Return the data set of this flow run, if it is known."""
    return _dataset.get()


def key_of(name: str) -> str:
    """Return the key of an artifact of this flow run."""
    return name if (of := dataset()) is None else f"{name}-{of}"


@contextmanager
def best_effort(tries: int = 3, what: str = "the artifacts in Prefect") -> Iterator[None]:
    """Log errors of what is only displayed in Prefect, and continue.

    While the server or its database is away, requests are repeated for seconds only: with three
    tries, after about 2 and 4 s. Within a block of as many tries, another one costs nothing; to
    change the settings takes 20 ms.
    """
    retries = {PREFECT_CLIENT_MAX_RETRIES: tries - 1}
    is_set = PREFECT_CLIENT_MAX_RETRIES.value() == tries - 1
    try:
        with nullcontext() if is_set else temporary_settings(retries):
            yield
    except Exception:
        _log.warning("Could not update %s; the run continues", what, exc_info=True)


def are_shown() -> bool:
    """Return whether there is a page that shows artifacts; a private server has none."""
    return bool(PREFECT_UI_ENABLED.value())


def show_table(rows: Sequence[dict[str, Any]], *, key: str, description: str) -> None:
    """Create a table artifact that shows all text literally.

    Prefect renders the description and every string cell as Markdown, so that a class name could
    insert a link or an image. An error is logged and costs the table only.
    """
    if not are_shown():
        return

    def literal(value: Any) -> Any:
        return escape_markdown(value) if isinstance(value, str) else value

    shown = [{name: literal(value) for name, value in row.items()} for row in rows]
    with best_effort():
        create_table_artifact(shown, key=key_of(key), description=escape_markdown(description))


def show_decision(decision: Decision, outcome: str) -> None:
    """Show the decision of the promotion gate with every criterion in full."""
    if not are_shown():
        return
    lines = [
        f"- **{escape_markdown(one.name)}**, {one.outcome}: {escape_markdown(one.sentence)}"
        for one in decision.criteria
    ]
    text = "\n".join([f"## {escape_markdown(outcome)}", "", *lines])
    with best_effort():
        create_markdown_artifact(
            text, key=key_of("promotion-gate"), description=escape_markdown(decision.sentence)
        )


def show_run(run: Run, summary: RunSummary, records: StageRecords) -> None:
    """Show the report, the figures, the stage times and the accuracy of recent runs."""
    if not are_shown():
        return
    report = run_folder.folder(run.workspace, run.id) / "report.md"
    with best_effort():
        create_markdown_artifact(
            report.read_text(encoding="utf-8"),
            key=key_of("training-report"),
            description=escape_markdown(summary.run_id),
        )
        for key, name, caption in _FIGURES:
            _show_image(key, run.workspace.path(records.report.figures[name].path), caption)
        rows = [
            {"stage": name, "seconds": round(stage.seconds, 1), "cached": stage.cached}
            for name, stage in summary.stages.items()
        ]
        show_table(rows, key="stage-times", description=f"Total: {summary.total_seconds:.1f} s")
        if run.repeats is None:  # a repeated run is not part of the history
            _show_accuracy(run, records.ingest.dataset)


def _show_accuracy(run: Run, dataset: str) -> None:
    """Show the accuracy of the last runs of a data set, as a table and as a figure."""
    last = list(islice(run_folder.history(run.workspace, dataset), history.LAST))
    rows = []
    for earlier in last:
        evaluation = earlier.records.evaluate
        rows.append(
            {
                "run": earlier.run_id,
                "recipe": earlier.config.recipe,
                "test accuracy": f"{evaluation.accuracy:.2%}",
                "balanced accuracy": _percent(evaluation.balanced_accuracy),
                "95 % interval": "{:.2%} to {:.2%}".format(*evaluation.accuracy_interval),
                "test loss": round(evaluation.loss, 4),
                "seconds": round(earlier.total_seconds, 1),
            }
        )
    caption = f"The last {len(rows)} runs of {dataset}"
    show_table(rows, key="test-accuracy", description=caption)
    if _is_plotted(run, last):
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.png"
        draw_accuracy_history(path, {dataset: history.entries(run.workspace, last)})
        _show_image("accuracy-history", path, escape_markdown(caption))


def _is_plotted(run: Run, last: Sequence[ManifestExcerpt]) -> bool:
    """Return whether the newest plot is of a run with the same evaluation, from the cache.

    Then it would only get a point at the same height, and matplotlib takes 0.4 s to import.
    """
    of_run = {one.run_id: one.records.evaluate for one in last}
    of_flow_run = {one.flow_run_id: one.records.evaluate for one in last}
    known = Artifact.get(key_of("accuracy-history"))
    assert not isinstance(known, Coroutine)  # noqa: S101 - one only in async callers
    if known is None or run.id not in of_run:
        return False
    return of_flow_run.get(str(known.flow_run_id)) == of_run[run.id]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _show_image(key: str, path: Path, caption: str) -> None:
    url = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    create_image_artifact(url, key=key_of(key), description=caption)
