"""`sightline tune`: searches hyperparameters, then trains the best ones as an ordinary run."""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sightline.data import recommend
from sightline.experiments.search import space as search_space
from sightline.flows.cli import console, options, tune_table
from sightline.flows.cli.config_keys import ConfigKeysCommand
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.cli.start_search import start
from sightline.flows.trials.asked import prepare
from sightline.flows.trials.runners import RunnerName, opened
from sightline.flows.trials.trial import DEPLOYMENT
from sightline.records import Run
from sightline.storage import files

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\n"
    'sightline tune --recipe quickstart --set "training.learning_rate=log(1e-4, 1e-1)" --trials 20'
    "\n\nsightline tune --dataset ./my-images --space space.toml --trials 50 --parallel 4 "
    "--output tuned.toml\n\n"
    "sightline tune --dataset ./my-images --space space.toml --runner ray --gpus-per-trial 0.5"
)


class Metric(StrEnum):
    """What a trial is chosen by."""

    ACCURACY = "val_accuracy"
    LOSS = "val_loss"


@app.command(epilog=EXAMPLES, cls=ConfigKeysCommand)
def tune(
    dataset: options.RecipeDataset = None,
    recipe: options.Recipe = recommend.AUTO,
    config: options.Config = None,
    space: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path,
            metavar="FILE",
            help="TOML file with the search space: config keys with values such as "
            '"log(1e-4, 1e-1)", "uniform(0, 0.5)", "int(2, 8)" or "choice(adam, sgd)".',
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Search one config key, with a value as in --space, or fix it. Repeatable.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Number of trials in all.")
    ] = 20,
    parallel: options.Parallel = None,
    runner: options.RunnerOption = RunnerName.AUTO,
    gpus_per_trial: options.GpusPerTrial = None,
    deployment: options.Deployment = DEPLOYMENT,
    metric: Annotated[
        Metric, typer.Option(help="What the best trial is chosen by, on the validation split.")
    ] = Metric.ACCURACY,
    pruning: Annotated[
        bool,
        typer.Option(
            "--pruning/--no-pruning",
            help="Stop trials that are worse than others after as many epochs.",
        ),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the search.")] = 0,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the search. The same name, or the same command, continues an earlier "
            "search. Default: data set, recipe and a digest of all settings."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path, metavar="FILE", help="Write the best recipe to this file."
        ),
    ] = None,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Search hyperparameters, then train and evaluate the best ones.

    Trials train on the training split and are compared on the validation split. The test split is
    used once, by the ordinary run of the best trial. An interrupted search continues.
    """
    console.show_log(verbose=verbose)
    if output is not None:
        files.check_output(output)
    settings = search_space.read(space, overrides or [])
    run = Run(id="tune", workspace=workspace, data_dir=data_dir, mirror=mirror)
    with graceful_sigterm(), progress_display(), workspace.in_use():
        base = recommend.load(recipe, config, settings.fixed, dataset)
        asked = prepare(base, settings, run, metric=metric, pruning=pruning, seed=seed, name=name)
        where = opened(runner, parallel, deployment, gpus_per_trial, verbose=verbose)
        found = start(asked, trials, where)
        if output is not None:
            with files.new_output(output) as temporary:
                shutil.copyfile(found.recipe, temporary)
            found = found.model_copy(update={"recipe": str(output)})
    if as_json:
        typer.echo(found.model_dump_json())
    tune_table.show(found, asked.setup, console.err if as_json else console.out())
