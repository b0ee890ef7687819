"""`sightline labels`: chooses images to label, and takes their labels into the data set."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sightline.data import recommend
from sightline.flows.cli import console, options, train
from sightline.flows.cli.predict import find_model
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import interruptible
from sightline.pipeline.process import keras_process
from sightline.prediction.active_learning import add as adding
from sightline.prediction.active_learning import folder as folders
from sightline.prediction.active_learning.records import Added, Suggestions
from sightline.prediction.active_learning.suggest import suggest as suggest_images
from sightline.prediction.active_learning.thumbnails import render_page
from sightline.records import Run

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Choose images to label, and take the labels into the data set.",
)
_MOST_NAMES = 10  # Rows of the table; the page has all


@app.command(
    epilog="Examples:\n\nsightline labels suggest unlabelled/ --count 100 --output to-label\n\n"
    "sightline labels suggest unlabelled/ --model photos-v3 --seed 1 --link --output to-label"
)
def suggest(
    images: Annotated[
        list[str],
        typer.Argument(
            parser=options.local,
            metavar="IMAGES",
            help="Image files, and folders of them, which are searched recursively.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            parser=options.local_path,
            metavar="FOLDER",
            help="New folder for the images, a table for their labels and a page.",
        ),
    ],
    count: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Number of images to choose.")
    ] = 100,
    model: options.AnyModel = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set of the model. Optional if only one has a champion."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the choice.")] = 0,
    link: Annotated[
        bool, typer.Option("--link", help="Link the images instead of copying.")
    ] = False,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show TensorFlow's log.")] = False,
) -> None:
    """Choose the images that would teach the model most: uncertain, and unlike each other.

    Images that the model's run had already, and copies of each other, are left out. Equal images,
    models and seeds give equal choices.
    """
    console.show_log(verbose=verbose)
    folders.check_new(output)
    served = find_model(workspace, model, dataset)
    keras_process().verbose = verbose
    with interruptible("the folder was not written"), workspace.in_use(), progress_display():
        found = suggest_images(images, served, Run(id="labels", workspace=workspace), count, seed)
        page = render_page(found, served.name)
        folders.write(output, found, served, seed, page, links=link)
    if as_json:
        typer.echo(json.dumps({"output": str(output), **found.model_dump(mode="json")}))
    else:
        _show(found, output)
    for sentence in found.warnings:
        console.note(f"Warning: {sentence}")


def _show(found: Suggestions, output: Path) -> None:
    rows = [
        (
            console.plain(name),
            console.plain(one.suggested),
            f"{one.probability:.1%}",
            f"{one.margin:.3f}",
        )
        for name, one in list(folders.name_files(found.images).items())[:_MOST_NAMES]
    ]
    columns = ("Image", "Suggestion", "Probability", "Margin")
    console.out().print(console.table(columns, rows, right=[2, 3]))
    left = len(found.images) - len(rows)
    if left:
        console.say(f"… and {left:,} more in {output / folders.TABLE}")
    console.say(
        f"{len(found.images):,} of {found.examined:,} images; left out: {found.known:,} known to "
        f"the model's run, {found.duplicates:,} that resemble others, {found.unreadable:,} "
        "unreadable"
    )
    suggested = Counter(one.suggested for one in found.images)
    shares = ", ".join(f"{name}: {count:,}" for name, count in suggested.most_common())
    console.say(f"Suggested classes: {shares}")
    console.say(f"Page: {output / folders.PAGE}")
    console.say(f"Then: sightline labels add {output} --dataset PATH --train")


@app.command(
    epilog="Examples:\n\nsightline labels add to-label --dataset ./photos\n\n"
    "sightline labels add to-label --dataset ./photos --train\n\n"
    "sightline labels add to-label --dataset ./photos --new-class hat --train --recipe photos"
)
def add(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=options.local_path,
            metavar="FOLDER",
            help="Folder that `labels suggest` wrote, with labels in labels.csv or by files in "
            "class folders.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="Data set to add to: a folder with a folder for each class."
        ),
    ],
    new_class: Annotated[
        list[str] | None,
        typer.Option("--new-class", metavar="NAME", help="Allow a class that is new. Repeatable."),
    ] = None,
    train_now: Annotated[
        bool, typer.Option("--train", help="Train on the data set afterwards.")
    ] = False,
    recipe: options.Recipe = recommend.AUTO,
    config: options.Config = None,
    overrides: options.Overrides = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Copy labelled images into the training split of a data set; with --train, train on it.

    Labels come from labels.csv and from the class folders; contradictions and unknown classes are
    refused before anything is copied. Nothing is overwritten: the same command can be repeated.
    """
    found = adding.add(folder, dataset, new_class or ())
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show_added(found)
    if train_now:
        train.train(
            dataset=dataset,
            recipe=recipe,
            config=config,
            overrides=overrides,
            workspace=workspace,
            as_json=as_json,
        )


def _show_added(found: Added) -> None:
    if found.added:
        rows = [(console.plain(name), f"{count:,}") for name, count in found.added.items()]
        console.out().print(console.table(("Class", "Added"), rows, right=[1]))
    console.say(
        f"{sum(found.added.values()):,} images added to {found.dataset}; {found.present:,} were "
        f"there already, {found.unlabelled:,} have no label yet"
    )
    if found.removed:
        console.say(
            f"{found.removed:,} were added before and have been moved or deleted since; to add one "
            f"again, remove its line from {found.dataset}/{adding.LOG}"
        )
    console.say(f"Train: {found.command}")
