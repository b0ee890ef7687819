"""`sightline evaluate`: measures an existing model on labelled images."""

from pathlib import Path
from typing import Annotated

import typer

from sightline.data.labelled import WantedSplit
from sightline.flows.cli import console, options
from sightline.flows.cli.predict import find_model
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import interruptible
from sightline.pipeline.process import keras_process
from sightline.prediction import evaluate as evaluation
from sightline.records import ModelEvaluation, Run
from sightline.reporting import evaluation_page, metric_tables

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\nsightline evaluate ./new-photos\n\n"
    "sightline evaluate photos.parquet --model photos-v3 --split test --output evaluated/\n\n"
    "sightline evaluate ./new-photos --set evaluation.robustness_images=0 --json"
)
_MOST_CLASSES = 20  # Rows of the table; the page has all


@app.command(epilog=EXAMPLES)
def evaluate(
    data: options.DatasetArgument,
    model: options.AnyModel = None,
    split: Annotated[
        WantedSplit,
        typer.Option(help="Evaluate one split of the data set only, under its usual names."),
    ] = "all",
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set of the model. Optional if only one has a champion."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path,
            metavar="FOLDER",
            help="New folder for the page and the tables; an earlier evaluation there is replaced. "
            "Default: a folder below `evaluations` of the artifacts.",
        ),
    ] = None,
    config: options.Config = None,
    overrides: options.Overrides = None,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show TensorFlow's log.")] = False,
) -> None:
    """Measure a model on labelled images, with all measures of a run's report, and write a page.

    DATA is anything that a training takes; its classes must be classes of the model. The result
    says how the images differ from the training images, whether the model has seen some of them,
    and how the accuracy compares with that on the test split of its run.
    """
    console.show_log(verbose=verbose)
    served = find_model(workspace, model, dataset)
    settings = evaluation.load_settings(workspace, served, data, config, overrides or [])
    workspace.check_writable()
    keras_process().verbose = verbose
    run = Run(id="evaluate", workspace=workspace, data_dir=data_dir, mirror=mirror)
    kept = "what was computed stays in the cache"
    with interruptible(kept), workspace.in_use(), progress_display():
        found = evaluation.evaluate(run, settings, served, split, output)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)
    for sentence in found.warnings:
        console.note(f"Warning: {sentence}")


def _show(found: ModelEvaluation) -> None:
    out = console.out()
    rows = [
        [console.plain(str(cell)) for cell in row]
        for row in metric_tables.overall(found.metrics).rows
    ]
    out.print(console.table(("Measure", "Value", "95% interval"), rows, right=[1, 2]))
    weakest = metric_tables.weakest_first(found.metrics)
    classes = [
        (
            console.plain(one.class_name),
            *(f"{value:.2%}" for value in (one.precision, one.recall)),
            f"{one.support:,}",
        )
        for one in weakest[:_MOST_CLASSES]
    ]
    out.print(console.table(("Class", "Precision", "Recall", "Images"), classes, right=[1, 2, 3]))
    if len(weakest) > _MOST_CLASSES:
        console.say(f"and {len(weakest) - _MOST_CLASSES:,} more classes in the page")
    console.say(f"Model {found.model}. {evaluation_page.certainty(found)}")
    console.say(evaluation_page.compare_with_own_test(found))
    console.say(evaluation_page.describe_known(found))
    console.say(f"Page: {found.output}/report.html")
