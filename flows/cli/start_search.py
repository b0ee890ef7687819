"""Starts a search that passed its checks, for the command line and for Python."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sightline.config import loading
from sightline.errors import RunError
from sightline.experiments import run_folder
from sightline.experiments.search import recipe as best_recipe
from sightline.experiments.search import study as studies
from sightline.experiments.search.study import Study
from sightline.experiments.search.trial import SearchTrial
from sightline.experiments.tracking import tracked_run
from sightline.experiments.tracking.trackers import Trackers
from sightline.flows.cli import console, tune_table
from sightline.flows.trials.asked import AskedSearch
from sightline.flows.trials.parallel import CompleteRuns, run_side_by_side
from sightline.flows.trials.search import Search
from sightline.flows.trials.trial import Runner, Trial
from sightline.records import RunSummary
from sightline.reporting import search_page


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
