"""`sightline score`: scores the images that have arrived since the last time."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sightline.data import locate
from sightline.flows.cli import completion, console, options
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import interruptible
from sightline.flows.server import api
from sightline.pipeline.process import keras_process
from sightline.prediction import model as models
from sightline.prediction.records import ServedModel
from sightline.prediction.scoring import arrivals
from sightline.prediction.scoring import labels as late_labels
from sightline.prediction.scoring.monitor import monitor, untold
from sightline.prediction.scoring.place import Scores, scores_of
from sightline.prediction.scoring.records import Scored
from sightline.prediction.scoring.score import score as score_new
from sightline.records import Run, ScoringStatus

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\nsightline score inbox/\n\n"
    "sightline score s3://bucket/arrived --model champion --dataset mnist --abstain-below 0.9\n\n"
    "sightline score inbox/ --labels checked.csv"
)

_DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Folder of images and Parquet files (searched recursively), a .parquet file, or a URL "
        "such as s3://bucket/prefix.",
    ),
]


@app.command(epilog=EXAMPLES)
def score(
    data: _DataArgument,
    model: Annotated[
        str,
        typer.Option(
            autocompletion=completion.models,
            help="champion, a version such as mnist-v3, or a run, as for `sightline predict`.",
        ),
    ] = "champion",
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set of the model. Optional if only one has a champion."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Folder below scores/ in the artifacts. Default: the last part of DATA.",
        ),
    ] = None,
    abstain_below: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="P",
            help="Mark predictions below this probability as abstained.",
        ),
    ] = 0.0,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Store the probabilities of all classes, too.")
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path,
            metavar="FILE",
            help="CSV, TSV or JSON Lines with the columns file and label: labels that came after "
            "the scores, for the live accuracy.",
        ),
    ] = None,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.5,
            metavar="P",
            help="Probability of an alarm without a reason. Default: monitoring.false_alarm_rate "
            "of the model's run.",
        ),
    ] = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Classify the images that this model has not scored, and compare them with its test images."""
    console.show_log(verbose=verbose)
    if labels is not None:
        late_labels.read(labels)  # a wrong table is refused before the scoring
    scores = scores_of(workspace, data, name)
    served = models.find(workspace, model, locate.slug(dataset) if dataset else None)
    keras_process().verbose = verbose
    run = Run(id="score", workspace=workspace)
    kept = "finished parts are kept, and the same command continues"
    with interruptible(kept), progress_display():
        done = score_new(run, scores, data, served, abstain_below, with_probabilities=probabilities)
    status = monitor(scores, arrivals.place(data), served, labels, false_alarm_rate)
    if as_json:
        found = {"scored": done.model_dump(), "status": status.model_dump(mode="json")}
        typer.echo(json.dumps(found))
    else:
        _show(done, status)
    _notify(scores, served)


def _notify(scores: Scores, model: ServedModel) -> None:
    """Send the event of a drift if there is a Prefect server; else the next scoring with one does.

    Raises ServerError if the server refuses it.
    """
    if (drift := untold(scores, model)) is None:
        return
    if api.configured_url() is None:
        console.note("No Prefect server is configured (PREFECT_API_URL), so no event was sent.")
        return
    api.configure(verbose=False)
    api.require()
    from sightline.flows import score as scoring

    with api.refusals():
        scoring.notify(scores, drift)
    console.note(f"The event {scoring.EVENT} was sent.")


def _show(done: Scored, status: ScoringStatus) -> None:
    console.say(done.sentence)
    if done.images:
        console.say(f"Scores: {done.folder}")
    if done.failed:
        console.note(
            f"{done.failed:,} of {done.images:,} images could not be read; the column `error` says "
            f"why. First error: {done.first_error}"
        )
    console.say(status.sentence)
    if status.page:
        console.say(f"Page: {status.page}")
