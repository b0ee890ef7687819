"""Score the images that have arrived."""

from sightline.prediction.records import ServedModel
from sightline.prediction.scoring.place import scores_of
from sightline.prediction.scoring.records import Scored
from sightline.prediction.scoring.score import score as score_new
from sightline.records import Run
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
