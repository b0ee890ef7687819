"""`sightline tune`: searches hyperparameters, then trains the best ones as an ordinary run."""

import shutil
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from sightline.config import RunConfig, loading
from sightline.data import ingest, locate, recommend
from sightline.errors import RunError
from sightline.experiments import run_folder
from sightline.experiments.search import recipe as best_recipe
from sightline.experiments.search import space as search_space
from sightline.experiments.search import study as studies
from sightline.experiments.search.space import Settings
from sightline.experiments.search.study import SearchTrial, Setup, Study
from sightline.flows.cli import console, options, tune_table
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.preflight import check_settings
from sightline.flows.trials.parallel import CompleteRuns, run_side_by_side
from sightline.flows.trials.runners import RunnerName, opened
from sightline.flows.trials.search import Search
from sightline.flows.trials.trial import DEPLOYMENT, Runner, Trial
from sightline.models import source_files
from sightline.pipeline.provenance import digest_of
from sightline.records import Run, RunSummary, Source
from sightline.registry import workflow
from sightline.reporting import search_page
from sightline.storage import files

EXAMPLES = (
    "Examples:\n\n"
    'sightline tune --recipe quickstart --set "training.learning_rate=log(1e-4, 1e-1)" --trials 20'
    "\n\nsightline tune --dataset ./my-images --space space.toml --trials 50 --parallel 4 "
    "--output tuned.toml\n\n"
    "sightline tune --dataset ./my-images --space space.toml --runner ray --gpus-per-trial 0.5"
)
_HELD_OUT = 0.1  # Share of the training split that validates if there is no validation split


class Metric(StrEnum):
    """What a trial is chosen by."""

    ACCURACY = "val_accuracy"
    LOSS = "val_loss"


class _Asked(NamedTuple):
    """What is searched, on which data."""

    config: RunConfig
    run: Run
    source: Source
    setup: Setup
    name: str


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
        asked = _prepare(base, settings, run, metric=metric, pruning=pruning, seed=seed, name=name)
        with studies.opened(workspace, asked.name, asked.setup) as study:
            with opened(runner, parallel, deployment, gpus_per_trial, verbose=verbose) as started:
                _announce(study, trials, started.at_once)
                try:
                    Search(study, asked.config, run, asked.source, tune_table.show_trial).run(
                        started, trials, started.at_once
                    )
                finally:
                    page = search_page.write(workspace, study)
                best, file = _choose(study, asked)
                summary = _train_best(started, asked, study, best, file)
            page = search_page.write(workspace, study, summary)
            if output is not None:
                with files.new_output(output) as temporary:
                    shutil.copyfile(file, temporary)
            found = tune_table.SearchSummary(
                name=study.name,
                trials=tuple(study.trials()),
                best=best.number,
                recipe=str(output or file),
                page=str(page),
                run=summary,
            )
    if as_json:
        typer.echo(found.model_dump_json())
    tune_table.show(found, study.setup, console.err if as_json else console.out())


def _prepare(
    base: RunConfig,
    settings: Settings,
    run: Run,
    *,
    metric: Metric,
    pruning: bool,
    seed: int,
    name: str | None,
) -> _Asked:
    """Check everything before the first trial; hold out a validation split if there is none."""
    base = base.model_copy(update={"model": source_files.pin(base.model)})
    run.workspace.check_writable()
    source = locate.locate(base.data)
    ingested = ingest.ingest(run, source, base.data)
    if "validation" not in ingested.images and not base.preprocessing.validation_fraction:
        console.note(
            f"The data set has no validation split: {_HELD_OUT:.0%} of the training split is held "
            "out (preprocessing.validation_fraction)."
        )
        base = search_space.apply(base, {"preprocessing.validation_fraction": _HELD_OUT})
    search_space.check(base, settings.space)
    check_settings(base, run, ingested)
    workflow.check_requirements(base)
    setup = Setup(
        source=source,
        # The digest of the source stands for the path of the data.
        config=base.model_dump_json(
            exclude={"choice": True, "recipe_sha256": True, "data": {"dataset"}}
        ),
        space=settings.space,
        metric=metric,
        pruning=pruning,
        seed=seed,
        epochs=base.training.epochs,
    )
    digest = digest_of(f"{source.sha256} {setup.model_dump_json(exclude={'source'})}")[:8]
    default = f"{locate.slug(base.data.dataset)}-{base.recipe[:30]}-{digest}"
    return _Asked(base, run, source, setup, name or default)


def _announce(study: Study, trials: int, parallel: int) -> None:
    done = [one for one in study.trials() if one.state != "running"]
    continued = f" ({len(done)} of them done)" if study.trials() else ""
    console.note(
        f"Search {study.name}: {trials} trials{continued}, {parallel} at a time, chosen by "
        f"{study.setup.metric}"
    )
    for one in study.setup.space:
        console.note(f"  {one.key} = {one}")


def _choose(study: Study, asked: _Asked) -> tuple[SearchTrial, Path]:
    best = study.best()
    if best is None:
        raise RunError(
            f"No trial of the search {study.name} is complete; run more with --trials, or with "
            "--no-pruning."
        )
    return best, best_recipe.write(asked.run.workspace, study, asked.config, best)


def _train_best(
    runner: Runner, asked: _Asked, study: Study, best: SearchTrial, file: Path
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
