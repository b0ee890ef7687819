"""`sightline score`: scores the images that have arrived since the last time."""

from typing import Annotated

import typer

from sightline.data import locate
from sightline.flows.cli import completion, console, options
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import exit_code, graceful_sigterm
from sightline.pipeline.process import keras_process
from sightline.prediction import model as models
from sightline.prediction.scoring.place import scores_of
from sightline.prediction.scoring.records import Scored
from sightline.prediction.scoring.score import score as score_new
from sightline.records import Run

EXAMPLES = (
    "Examples:\n\nsightline score inbox/\n\n"
    "sightline score s3://bucket/arrived --model champion --dataset mnist --abstain-below 0.9"
)

_DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Folder of images and Parquet files (searched recursively), a .parquet file, or a URL "
        "such as s3://bucket/prefix.",
    ),
]


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
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Classify the images that this model has not scored yet, and keep the scores as Parquet."""
    console.show_log(verbose=verbose)
    scores = scores_of(workspace, data, name)
    served = models.find(workspace, model, locate.slug(dataset) if dataset else None)
    keras_process().verbose = verbose
    run = Run(id="score", workspace=workspace)
    try:
        with graceful_sigterm(), progress_display():
            done = score_new(
                run, scores, data, served, abstain_below, with_probabilities=probabilities
            )
    except KeyboardInterrupt as interrupt:
        console.note("Interrupted; finished parts are kept, and the same command continues.")
        raise typer.Exit(exit_code(interrupt)) from None
    if as_json:
        typer.echo(done.model_dump_json())
    else:
        _show(done)


def _show(done: Scored) -> None:
    console.say(done.sentence)
    if done.images:
        console.say(f"Scores: {done.folder}")
    if done.failed:
        console.note(
            f"{done.failed:,} of {done.images:,} images could not be read; the column `error` says "
            f"why. First error: {done.first_error}"
        )
