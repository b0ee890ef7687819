"""What Prefect shows of a finished run, cached stages or not; each key is one history."""

import base64
from itertools import islice

from prefect.artifacts import create_image_artifact, create_markdown_artifact

from sightline import runs
from sightline.records import Run, RunSummary, StageRecords
from sightline.reporting.page import escape_markdown
from tasks.display import show_table

_PICTURES = (
    ("training-curves", "curves", "Accuracy and loss, epoch by epoch"),
    ("confusion-matrix", "confusion_matrix", "Test split; row: label, column: prediction"),
)
"""Key, picture and caption."""

_SHOWN_RUNS = 30


def show(run: Run, summary: RunSummary, records: StageRecords) -> None:
    """Show the report, the pictures, the stage times and the accuracy of the last runs."""
    report = runs.folder(run.root, run.id) / "report.md"
    create_markdown_artifact(
        report.read_text(encoding="utf-8"),
        key="training-report",
        description=escape_markdown(summary.run_id),
    )
    for key, name, caption in _PICTURES:
        picture = (run.root / records.report.figures[name].path).read_bytes()
        address = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        create_image_artifact(address, key=key, description=caption)
    _show_times(summary)
    _show_history(run, records.ingest.dataset)


def _show_times(summary: RunSummary) -> None:
    rows = [
        {"stage": name, "seconds": round(stage.seconds, 1), "cached": stage.cached}
        for name, stage in summary.stages.items()
    ]
    total = f"{summary.total_seconds:.1f} s in all"
    show_table(rows, key="stage-times", description=total)


def _show_history(run: Run, dataset: str) -> None:
    rows = []
    for earlier in islice(runs.history(run.root, dataset), _SHOWN_RUNS):
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
    show_table(rows, key="test-accuracy", description=f"The last {len(rows)} runs of {dataset}")
