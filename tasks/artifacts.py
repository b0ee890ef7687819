"""What Prefect shows of a finished run, cached stages or not; each key is one history."""

import base64
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect.artifacts import create_image_artifact, create_markdown_artifact

from sightline.records import Run, RunSummary, StageRecords
from sightline.reporting import accuracy_history
from sightline.reporting.page import escape_markdown
from sightline.runs import history, run_folder
from sightline.tasks.display import show_table

_PICTURES = (
    ("training-curves", "curves", "Accuracy and loss, epoch by epoch"),
    ("confusion-matrix", "confusion_matrix", "Test split; row: label, column: prediction"),
)
"""Key, picture and caption."""


def show(run: Run, summary: RunSummary, records: StageRecords) -> None:
    """Show the report, the pictures, the stage times and the accuracy of the last runs."""
    report = run_folder.folder(run.workspace, run.id) / "report.md"
    create_markdown_artifact(
        report.read_text(encoding="utf-8"),
        key="training-report",
        description=escape_markdown(summary.run_id),
    )
    for key, name, caption in _PICTURES:
        _show_picture(key, run.workspace.root / records.report.figures[name].path, caption)
    _show_times(summary)
    if run.repeats is None:  # a repetition is no part of the history
        _show_accuracy(run, records.ingest.dataset)


def _show_times(summary: RunSummary) -> None:
    rows = [
        {"stage": name, "seconds": round(stage.seconds, 1), "cached": stage.cached}
        for name, stage in summary.stages.items()
    ]
    total = f"{summary.total_seconds:.1f} s in all"
    show_table(rows, key="stage-times", description=total)


def _show_accuracy(run: Run, dataset: str) -> None:
    """Show the accuracy of the last runs of a data set, as a table and as a picture."""
    last = list(islice(run_folder.history(run.workspace, dataset), history.LAST))
    rows = []
    for earlier in last:
        evaluation = earlier.records.evaluate
        low, high = evaluation.accuracy_interval
        rows.append(
            {
                "run": earlier.run_id,
                "recipe": earlier.config.recipe,
                "test accuracy": f"{evaluation.accuracy:.2%}",
                "95 % interval": f"{low:.2%} to {high:.2%}",
                "test loss": round(evaluation.loss, 4),
                "seconds": round(earlier.total_seconds, 1),
            }
        )
    caption = f"The last {len(rows)} runs of {dataset}"
    show_table(rows, key="test-accuracy", description=caption)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.png"
        accuracy_history.draw(path, {dataset: history.entries(run.workspace, last)})
        _show_picture("accuracy-history", path, escape_markdown(caption))


def _show_picture(key: str, path: Path, caption: str) -> None:
    address = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    create_image_artifact(address, key=key, description=caption)
