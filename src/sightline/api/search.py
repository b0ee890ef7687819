"""A finished hyperparameter search, as Python and notebooks see it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sightline.api import card
from sightline.api.run import Run
from sightline.api.run_file import RunFile
from sightline.config import toml
from sightline.experiments.search.trial import SearchTrial, describe

if TYPE_CHECKING:
    import pandas as pd


class Search:
    """A finished hyperparameter search. `tune` returns it.

    Attributes:
        name: Name of the search; `tune` with the same name continues it.
        metric: What the best trial was chosen by, on the validation split.
        best: The best trial: `best.number`, `best.values` (config key to value), `best.metric`.
        run: The ordinary run of the best trial, with its test accuracy, model and report.
        recipe: TOML file with the settings of the best trial, which `train` takes as its recipe.
        page: Page with all trials, the importance of each key and the cost.
    """

    def __init__(self, content: Mapping[str, Any], metric: str, run: Run) -> None:
        """Wrap what the command found; use `tune` instead."""
        self.name: str = content["name"]
        self.metric = metric
        self.run = run
        self.recipe = RunFile(Path(content["recipe"]).absolute())
        self.page = RunFile(Path(content["page"]).absolute())
        self._trials = tuple(map(_read, content["trials"]))
        self.best = self._trials[content["best"]]

    def __repr__(self) -> str:
        """Name the search and its best trial."""
        return (
            f"<Search {self.name}: best of {len(self._trials)} trials {self.best.number}, "
            f"{self.metric} {self.best.metric:.4f}>"
        )

    def _repr_html_(self) -> str:
        rows = (
            ("Search", self.name),
            ("Best trial", f"{self.best.number} of {len(self._trials)}"),
            ("Values", describe(self.best.values)),
            (self.metric, f"{self.best.metric:.4f}"),
            ("Test accuracy", f"{self.run.accuracy:.2%}"),
        )
        links = (self.page.link("All trials"), self.run.report.link("Report"))
        return card.table(rows) + Markup("<p>{} · {}</p>").format(*links)

    @property
    def trials(self) -> "pd.DataFrame":
        """One row a trial; the index is its number.

        A column for each config key that was searched, then the metric (of the weights that are
        kept, or after the last epoch; NaN if there is none), `state` (complete, pruned, diverged or
        failed), `epochs` that were trained, `seconds`, `cpu_seconds` and `message` (the error of a
        trial that failed).
        """
        import pandas as pd

        rows = [
            {
                **one.values,
                self.metric: one.epochs[-1] if one.metric is None and one.epochs else one.metric,
                "state": one.state,
                "epochs": one.last_epoch,
                "seconds": one.seconds,
                "cpu_seconds": one.cpu_seconds,
                "message": one.message,
            }
            for one in self._trials
        ]
        index = pd.Index([one.number for one in self._trials], name="trial")
        return pd.DataFrame(rows, index=index).astype({self.metric: "float64"})


def _read(content: Mapping[str, Any]) -> SearchTrial:
    """Read a trial; a choice, which is text as in TOML, becomes its value."""
    trial = SearchTrial(**content)
    values = {
        key: toml.parse_value(value) if isinstance(value, str) else value
        for key, value in trial.values.items()
    }
    return trial.model_copy(update={"values": values})
