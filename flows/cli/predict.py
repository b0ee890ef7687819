"""`sightline predict`: classifies images with a trained model."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sightline.data import locate
from sightline.flows.cli import console, options
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import interruptible
from sightline.pipeline.process import keras_process
from sightline.prediction import model as models
from sightline.prediction import predict as prediction
from sightline.prediction.records import Outcome, Prediction, ServedModel
from sightline.records import Run
from sightline.storage.workspace import Workspace

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\nsightline predict photo.png scans/\n\n"
    "sightline predict images.npy --model mnist-v3 --output predictions.parquet\n\n"
    "sightline predict s3://bucket/scans --output predictions.parquet --runner ray\n\n"
    "sightline predict scans/ --model champion --dataset mnist --abstain-below 0.9 --json"
)


class _Runner(StrEnum):
    LOCAL = "local"
    RAY = "ray"


_InputsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUTS",
        help="Image files (PNG, JPEG, HEIC, WebP, TIFF, GIF, AVIF, BMP, PPM), folders of them "
        "(searched recursively), .npy files (uint8, shape n, height, width and optionally 1 or 3 "
        "channels, last or first), or .parquet files with a column of images; or their URLs, such "
        "as s3://bucket/prefix, gs://, az://, hf:// or a file behind https://.",
    ),
]
_DatasetOption = Annotated[
    str | None,
    typer.Option(help="Data set of the model. Optional if only one has a champion."),
]
_OutputOption = Annotated[
    Path | None,
    typer.Option(
        parser=options.local_path,
        metavar="FILE",
        help="File for all predictions, .parquet or .csv. It is written in one step at the "
        "end and replaces an existing file.",
    ),
]
_AbstainBelowOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        metavar="P",
        help="Leave predictions below this confidence unanswered: `abstained` is then true, "
        "and `label` is only a guess.",
    ),
]
_ShardImagesOption = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="More image files are predicted in shards of about so many, which stay in the cache: "
        "the same command continues one that was interrupted, and two at once share the work.",
    ),
]
_RunnerOption = Annotated[
    _Runner,
    typer.Option(
        "--runner",
        help="Where shards are predicted: here, or on the nodes of the Ray cluster of which this "
        "machine is one; they need the images, the model and the artifacts at the same places.",
    ),
]


@app.command(epilog=EXAMPLES)
def predict(
    inputs: _InputsArgument,
    model: options.AnyModel = None,
    dataset: _DatasetOption = None,
    output: _OutputOption = None,
    abstain_below: _AbstainBelowOption = 0.0,
    shard_images: _ShardImagesOption = prediction.SHARD_IMAGES,
    runner: _RunnerOption = _Runner.LOCAL,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show TensorFlow's log.")] = False,
) -> None:
    """Classify images with a trained model. Exit with 1 if an image cannot be read."""
    console.show_log(verbose=verbose)
    served = find_model(workspace, model, dataset)
    keras_process().verbose = verbose
    with interruptible("the output was not written"), progress_display():
        run = Run(id="predict", workspace=workspace)
        outcome = prediction.predict(
            *(inputs, served, output, abstain_below, run, shard_images),
            on_ray=runner == _Runner.RAY,
        )
    if as_json:
        typer.echo(outcome.model_dump_json())
    else:
        _show(outcome)
    _warn(outcome)
    raise typer.Exit(1 if outcome.failed else 0)


def find_model(workspace: Workspace, model: str | None, dataset: str | None) -> ServedModel:
    """Find the model of `--model`, or the default, which is named if it is no champion."""
    slug = locate.slug(dataset) if dataset else None
    wanted = model if model is not None else models.choose(workspace, slug)
    served = models.find(workspace, wanted, slug)
    if model is None and wanted == models.LATEST:
        console.note(f"There is no champion; the model is that of the latest run, {served.name}.")
    return served


def _show(outcome: Outcome) -> None:
    out = console.out()
    if outcome.output is None:
        out.print(_table(outcome.predictions))
        left = outcome.images - len(outcome.predictions)
        if left:
            out.print(f"… and {left:,} more; --output predictions.parquet writes all of them.")
    if outcome.output is not None or len(outcome.predictions) < outcome.images:
        out.print(_counts(outcome))
    console.say(
        f"{outcome.images:,} image{'' if outcome.images == 1 else 's'} in {outcome.seconds:.1f} s "
        f"({outcome.images_per_second:,.0f} images/s), model {outcome.model}"
    )
    if outcome.output is not None:
        console.say(f"Predictions: {outcome.output}")


def _table(predictions: Sequence[Prediction]) -> Table:
    columns = ("Image", "Label", "Confidence", "Abstained")
    return console.table(columns, map(_row, predictions), right=[2])


def _row(one: Prediction) -> tuple[str, str, str, str]:
    if one.label is None or one.probability is None:
        return console.plain(one.input), "[red]could not be read[/red]", "", ""
    label, confidence = console.plain(one.label), f"{one.probability:.2%}"
    if one.abstained:
        return console.plain(one.input), f"[dim]{label}?[/dim]", confidence, "yes"
    return console.plain(one.input), label, confidence, ""


def _counts(outcome: Outcome) -> Table:
    counts = {
        **{console.plain(name): count for name, count in outcome.classes.items()},
        "[dim]abstained[/dim]": outcome.abstained,
        "[dim]unreadable[/dim]": outcome.failed,
    }
    rows = ((name, f"{count:,}") for name, count in counts.items() if count)
    return console.table(("Class", "Images"), rows, right=[1])


def _warn(outcome: Outcome) -> None:
    for sentence in outcome.warnings:
        console.note(f"Warning: {sentence}")
    if outcome.failed:
        where = "" if outcome.output is None else " The column `error` has all errors."
        console.note(
            f"{outcome.failed:,} of {outcome.images:,} images could not be read. First error: "
            f"{outcome.first_error}{where}"
        )
