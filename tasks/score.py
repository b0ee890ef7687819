"""Score the images that have arrived."""

from pathlib import Path

from prefect.artifacts import create_link_artifact

from sightline.prediction.records import ServedModel
from sightline.prediction.scoring import arrivals
from sightline.prediction.scoring.monitor import monitor
from sightline.prediction.scoring.place import scores_of
from sightline.prediction.scoring.records import Scored
from sightline.prediction.scoring.score import score as score_new
from sightline.records import Run, ScoringStatus
from sightline.tasks.artifacts import about, best_effort, key_of, show_table
from sightline.tasks.base import uncached_task
from sightline.tasks.progress import logged_progress


@uncached_task("score", retries=2, timeout_seconds=24 * 3600)
def score(
    run: Run,
    name: str | None,
    data: str,
    model: ServedModel,
    abstain_below: float,
    with_probabilities: bool,
) -> Scored:
    """Score the images that the model has not scored; a retry goes on with what is missing."""
    scores = scores_of(run.workspace, data, name)
    with logged_progress():
        return score_new(
            run, scores, data, model, abstain_below, with_probabilities=with_probabilities
        )


@uncached_task("monitor", retries=2, timeout_seconds=3600)
def check(
    run: Run,
    name: str | None,
    data: str,
    model: ServedModel,
    labels: Path | None,
    false_alarm_rate: float | None,
) -> ScoringStatus:
    """Compare what was scored with the test images, and show it in Prefect."""
    scores = scores_of(run.workspace, data, name)
    about(scores.name)
    status = monitor(scores, arrivals.place(data), model, labels, false_alarm_rate)
    rows = [
        {
            "measure": one.name,
            "size": round(one.size, 4),
            "limit": one.limit,
            "p": round(one.p_value, 4),
            "drift": one.drift,
        }
        for one in status.measures
    ]
    if rows:
        show_table(rows, key="drift", description=status.sentence)
    if status.page:
        with best_effort():
            link = Path(status.page).absolute().as_uri()
            key = key_of("monitoring")
            create_link_artifact(link, "Page", key=key, description="Scores over time")
    return status
