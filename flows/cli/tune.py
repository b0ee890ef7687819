"""`sightline tune`: searches hyperparameters, then trains the best ones as an ordinary run."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sightline.config import loading
from sightline.data import recommend
from sightline.errors import RunError
from sightline.experiments import run_folder
from sightline.experiments.search import recipe as best_recipe
from sightline.experiments.search import space as search_space
from sightline.experiments.search import study as studies
from sightline.experiments.search.study import Study
from sightline.experiments.search.trial import SearchTrial
from sightline.experiments.tracking import tracked_run
from sightline.experiments.tracking.trackers import Trackers
from sightline.flows.cli import console, options, tune_table
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.trials.asked import AskedSearch, prepare
from sightline.flows.trials.parallel import CompleteRuns, run_side_by_side
from sightline.flows.trials.runners import RunnerName, opened
from sightline.flows.trials.search import Search
from sightline.flows.trials.trial import DEPLOYMENT, Runner, Trial
from sightline.records import Run, RunSummary
from sightline.reporting import search_page
from sightline.storage import files

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


def start(
    asked: AskedSearch, trials: int, where: AbstractContextManager[Runner]
) -> tune_table.SearchSummary:
    """Run or continue a search until it has so many trials, then train its best one.

    Hold `workspace.in_use()`. Raises RunError if no trial is complete, and errors as
    `studies.opened` and the runner.
    """
    workspace = asked.run.workspace
    with studies.opened(workspace, asked.name, asked.setup) as study:
        with where as runner:
            _announce(study, trials, runner.at_once)
            try:
                with _shown_and_tracked(study, asked) as show:
                    search = Search(study, asked.config, asked.run, asked.source, show)
                    search.run(runner, trials, runner.at_once)
            finally:
                search_page.write(workspace, study)
            best, recipe = _choose(study, asked)
            summary = _train_best(runner, asked, study, best, recipe)
        page = search_page.write(workspace, study, summary)
        return tune_table.SearchSummary(
            name=study.name,
            trials=tuple(study.trials()),
            best=best.number,
            recipe=str(recipe),
            page=str(page),
            run=summary,
        )


@contextmanager
def _shown_and_tracked(study: Study, asked: AskedSearch) -> Iterator[Callable[[SearchTrial], None]]:
    """Yield what each trial that ends is given to."""
    with Trackers(asked.run.workspace, asked.config.tracking) as trackers:

        def end(trial: SearchTrial) -> None:
            tune_table.show_trial(trial)
            if asked.config.tracking.is_on:
                trackers.record(tracked_run.of_trial(study, trial, asked.config))

        yield end


def _announce(study: Study, trials: int, parallel: int) -> None:
    done = [one for one in study.trials() if one.state != "running"]
    continued = f" ({len(done)} of them done)" if study.trials() else ""
    console.note(
        f"Search {study.name}: {trials} trials{continued}, {parallel} at a time, chosen by "
        f"{study.setup.metric}"
    )
    for one in study.setup.space:
        console.note(f"  {one.key} = {one}")


def _choose(study: Study, asked: AskedSearch) -> tuple[SearchTrial, Path]:
    best = study.best()
    if best is None:
        raise RunError(
            f"No trial of the search {study.name} is complete; run more with --trials, or with "
            "--no-pruning."
        )
    return best, best_recipe.write(asked.run.workspace, study, asked.config, best)


def _train_best(
    runner: Runner, asked: AskedSearch, study: Study, best: SearchTrial, file: Path
) -> RunSummary:
    """Train the best trial as an ordinary run, unless an earlier command has done so."""
    workspace = asked.run.workspace
    run_id = f"{study.name}-{study.token}-best-t{best.number}"
    if not run_folder.exists(workspace, run_id):
        config = loading.load(str(file))
        run = asked.run.model_copy(update={"id": run_id, "started": datetime.now(UTC)})
        trial = Trial(config=config, run=run, source=asked.source, complete=True)
        console.note(f"Evaluating the best trial, {best.number}, as run {run_id}")
        run_side_by_side(runner, iter([trial]), 1, CompleteRuns("best", 0, 1))
    run_folder.pull(workspace)
    return run_folder.summary(workspace, run_folder.read_excerpt(workspace, run_id))
