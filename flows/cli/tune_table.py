"""What `sightline tune` prints: a line for each trial that ends, and a table of all."""

from rich.console import Console

from sightline.experiments.search.setup import Setup
from sightline.experiments.search.trial import SearchTrial, describe
from sightline.flows.cli import console
from sightline.records import Record, RunSummary


class SearchSummary(Record):
    """The result of a search; the object that `--json` prints."""

    name: str
    trials: tuple[SearchTrial, ...]
    best: int  # Number of the best trial
    recipe: str  # File with the settings of the best trial
    page: str  # File with the page of the search
    run: RunSummary  # The ordinary run of the best trial


def show_trial(trial: SearchTrial) -> None:
    """Print the end of a trial."""
    message = f" ({trial.message})" if trial.message else ""
    epochs = "1 epoch" if trial.last_epoch == 1 else f"{trial.last_epoch} epochs"
    console.note(
        f"Trial {trial.number}: {trial.state}{message}, {_metric(trial)} after {epochs}, "
        f"{trial.seconds:.1f} s: {describe(trial.values)}"
    )


def show(found: SearchSummary, setup: Setup, out: Console) -> None:
    """Print all trials, the best one first, and where its recipe and its report are."""
    sign = -1 if setup.metric == "val_accuracy" else 1
    done = sorted(
        found.trials,
        key=lambda one: (
            one.state != "complete",
            sign * (one.metric or 0) if one.state == "complete" else one.number,
        ),
    )
    keys = [one.key for one in setup.space]
    rows = [
        (
            str(one.number),
            *(console.plain(str(one.values.get(key, ""))) for key in keys),
            _metric(one),
            str(one.last_epoch),
            f"{one.seconds:.1f}",
            f"{one.cpu_seconds:.1f}",
            one.state,
        )
        for one in done
    ]
    names = [console.plain(key.rpartition(".")[2]) for key in keys]
    columns = ("Trial", *names, setup.metric, "Epochs", "Seconds", "CPU s", "State")
    numbers = range(len(keys) + 1, len(keys) + 5)
    out.print(
        console.table(columns, rows, right=[0, *numbers], wide=[len(keys) + 2, len(keys) + 3])
    )
    out.print(
        f"Best: trial {found.best}, test accuracy [bold]{found.run.test_accuracy:.2%}[/bold]",
        soft_wrap=True,
    )
    for title, path in (
        ("Recipe", found.recipe),
        ("Search", found.page),
        ("Report", f"{found.run.run_dir}/report.html"),
    ):
        out.print(f"{title}: {path}", soft_wrap=True, markup=False)


def _metric(trial: SearchTrial) -> str:
    value = trial.metric
    if value is None:
        value = trial.epochs[-1] if trial.epochs else None
    return "-" if value is None else f"{value:.4f}"
