"""The last step: the run folder with its report, whole or not at all."""

from itertools import islice

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from sightline import runs
from sightline.config import TrainingConfig
from sightline.records import Run, RunSummary, Source, StageRecords, StageTime
from tasks.stage import TAGS

_SHOWN_RUNS = 30


@task(
    name="publish",
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # every run has its own folder
    persist_result=False,
    result_serializer="json",
    tags=TAGS,
)
def publish(
    run: Run,
    config: TrainingConfig,
    source: Source,
    records: StageRecords,
    stages: dict[str, StageTime],
) -> RunSummary:
    """Write the run folder and show its report in Prefect."""
    summary = runs.publish(run, config, source, records, stages, flow_run_id=flow_run.id)
    report = runs.folder(run.root, run.id) / "report.md"
    create_markdown_artifact(
        report.read_text(encoding="utf-8"), key="training-report", description=summary.run_id
    )
    _show_times(summary)
    _show_history(run, records.ingest.dataset)
    return summary


def _show_times(summary: RunSummary) -> None:
    rows = [
        {"stage": name, "seconds": round(stage.seconds, 1), "cached": stage.cached}
        for name, stage in summary.stages.items()
    ]
    total = f"{summary.total_seconds:.1f} s in all"
    create_table_artifact(rows, key="stage-times", description=total)


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
    create_table_artifact(
        rows, key="test-accuracy", description=f"The last {len(rows)} runs of {dataset}"
    )
