"""Scores the images that have arrived since the last time, with the champion."""

from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field

from sightline.data import locate
from sightline.errors import SightlineError
from sightline.flows import worker
from sightline.flows.outage import survive_outages
from sightline.flows.server import lost_runs
from sightline.prediction import model as models
from sightline.prediction.scoring import model_profile
from sightline.prediction.scoring.monitor import Drift, tell, untold
from sightline.prediction.scoring.place import PAGE, Scores, scores_of
from sightline.prediction.scoring.records import Scored
from sightline.tasks import events
from sightline.tasks import score as tasks

EVENT = "sightline.drift.detected"


def run_name() -> str:
    """Name a flow run after its data, time and ID, such as score-inbox-20261129-0300-3f9c."""
    given, time = flow_run.parameters, flow_run.scheduled_start_time
    what = locate.slug(given.get("name") or given["data"])
    return f"score-{what}-{time:%Y%m%d-%H%M}-{flow_run.id[-4:]}"


@flow(name="score", flow_run_name=run_name, persist_result=False, result_serializer="json")
def score_flow(
    data: worker.Dataset,
    model: str = "champion",
    dataset: str | None = None,
    name: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = None,
    abstain_below: Annotated[float, Field(ge=0, le=1)] = 0.0,
    probabilities: bool = False,
    labels: Annotated[str, Field(json_schema_extra={"pattern": r"^(|/.+)$"})] = "",
    false_alarm_rate: Annotated[float | None, Field(ge=0.001, le=0.5)] = None,
) -> Scored | State[Any]:
    """Score the images that this model has not scored yet, and compare them with its test images.

    If they differ beyond chance, an event starts a training on the data of the model.

    Args:
        data: Absolute path, where the worker runs, of a folder of images and Parquet files or of a
            Parquet file; or a URL such as s3://bucket/prefix.
        model: champion, a version such as mnist-v3, or a run.
        dataset: Data set of the model. Optional if only one has a champion.
        name: Name of the scores. Default: the last part of `data`.
        abstain_below: Mark predictions below this probability as abstained.
        probabilities: Store the probabilities of all classes, too.
        labels: Absolute path, where the worker runs, of a table of files and labels that came
            after the scores.
        false_alarm_rate: Probability of an alarm without a reason. Default: that of the model.

    """
    try:
        with survive_outages():
            lost_runs.end_missed()
            locate.check_same_everywhere(data)
            run = worker.run("score")
            served = models.find(run.workspace, model, locate.slug(dataset) if dataset else None)
            done = tasks.score(run, name, data, served, abstain_below, probabilities)
            get_run_logger().info(done.sentence)
            table = Path(labels) if labels else None
            status = tasks.check(run, name, data, served, table, false_alarm_rate)
            get_run_logger().info(status.sentence)
            scores = scores_of(run.workspace, data, name)
            if drift := untold(scores, served):
                notify(scores, drift)
            return done
    except SightlineError as error:
        return Failed(data=error, message=str(error))  # the message without a traceback


def notify(scores: Scores, drift: Drift) -> None:
    """Send the event of a drift, once; raises httpx.HTTPError if the server did not accept it."""
    manifest, found = drift.manifest, drift.check
    recipe, overrides = model_profile.recipe_of(manifest.config)
    measures = {one.name: one for one in found.measures if one.drift}
    payload = {
        "name": scores.name,
        "dataset": model_profile.training_data(manifest),
        "recipe": recipe,
        "overrides": overrides,
        "model": found.model,
        "images": found.images,
        "measures": {name: one.size for name, one in measures.items()},
        "p_values": {name: one.p_value for name, one in measures.items()},
        "false_alarm_rate": found.false_alarm_rate,
        "page": str(scores.folder / PAGE),
        "version": found.model,
        "champion": found.model,
        "reason": f"{scores.name} differs from the test images: {', '.join(measures)}.",
        "remedy": f"See what changed, and label some of the images: {scores.folder / PAGE}",
    }
    about = f"sightline.model.{manifest.records.ingest.dataset}"
    events.post(EVENT, about, found.model, payload, uuid5(NAMESPACE_URL, f"{EVENT}/{found.id}"))
    tell(scores, drift)
