"""A model measured on other labelled images, as Python and notebooks see it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightline.api.run_file import RunFile
from sightline.api.settings import overrides
from sightline.data.labelled import WantedSplit
from sightline.prediction import evaluate as evaluation
from sightline.prediction.records import ServedModel
from sightline.records import ModelEvaluation, Run
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


class Evaluated:
    """Result of `Run.evaluate`.

    Attributes:
        folder: Absolute path of the folder with the page and the tables.
        result: Everything that was measured and compared; the content of `evaluation.json`.
    """

    def __init__(self, found: ModelEvaluation) -> None:
        """Wrap a result; use `Run.evaluate` instead."""
        self.folder = Path(found.output).absolute()
        self.result = found

    def __repr__(self) -> str:
        """Name the data set and the accuracy."""
        return f"<Evaluated on {self.result.dataset}: accuracy {self.accuracy:.2%}>"

    @property
    def accuracy(self) -> float:
        """Share of the images that are classified correctly, 0 to 1."""
        return self.result.metrics.accuracy

    @property
    def metrics(self) -> dict[str, Any]:
        """All measures, as of `Run.metrics`."""
        return self.result.metrics.model_dump(mode="json")

    @cached_property
    def predictions(self) -> "pd.DataFrame":
        """One row an image, as of `Run.predictions`."""
        import pandas as pd

        return pd.read_parquet(self.folder / "predictions.parquet")

    @property
    def report(self) -> RunFile:
        """The page: a path; `report.open()` opens it in the browser."""
        return RunFile(self.folder / "report.html")


def evaluate(
    workspace: Workspace,
    model: ServedModel,
    data: str,
    split: WantedSplit,
    output: Path | None,
    settings: Mapping[str, Any],
) -> Evaluated:
    """Evaluate a model; see `Run.evaluate`."""
    config = evaluation.load_settings(workspace, model, data, overrides=overrides(settings))
    run = Run(id="evaluate", workspace=workspace)
    with workspace.in_use():
        return Evaluated(evaluation.evaluate(run, config, model, split, output))
