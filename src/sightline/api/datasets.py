"""Look at a data set before a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightline.api import card
from sightline.api.command import PathLike, run_command
from sightline.api.run_file import RunFile
from sightline.data import fact_lines
from sightline.data.estimate import Estimate
from sightline.records import DataGateResult, DatasetFacts

if TYPE_CHECKING:
    import pandas as pd


class Inspection:
    """How a data set would be read, what a run takes, and its quality.

    Attributes:
        content: What `sightline datasets inspect --json` prints.
        facts: How it is read: splits, classes, image size, notes.
        gate: Result of the data gate: its checks, each with a sentence.
        recipe: Recipe that `train` would choose.
        reason: Why, in a few sentences; empty if the recipe was given.
        command: Command that trains with what was chosen.
        samples: Figure with samples of each class.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Wrap what the command found; use `inspect` instead."""
        self.content = content
        self.facts = DatasetFacts(**{name: content[name] for name in DatasetFacts.model_fields})
        self.gate = DataGateResult(**content["gate"])
        self.recipe: str = content["recipe"]
        self.reason: str = content["reason"]
        self.command: str = content["command"]
        self.samples = RunFile(Path(content["samples"]))

    def __repr__(self) -> str:
        """Return the facts as text."""
        return "\n".join(f"{title}: {text}" for title, text in self._lines().items())

    def _repr_html_(self) -> str:
        warned = [
            (check.outcome, check.sentence)
            for check in self.gate.checks
            if check.outcome in {"warned", "failed"}
        ]
        rows = [*self._lines().items(), *warned]
        return card.table(rows) + card.figures({"samples": self.samples})

    @property
    def counts(self) -> "pd.DataFrame":
        """Number of images (int64): one row a class, in label order, one column a split."""
        import pandas as pd

        index = pd.Index(self.facts.class_names, name="class")
        return pd.DataFrame(self.facts.counts, index=index)

    def _lines(self) -> dict[str, str]:
        found = fact_lines.lines(self.facts, Estimate(**self.content["estimate"]))
        notes = fact_lines.other_decisions(self.facts)
        recipe = {"Recipe": self.reason or self.recipe}
        return found | ({"Notes": " ".join(notes)} if notes else {}) | recipe


def inspect(
    dataset: PathLike,
    recipe: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    artifacts: PathLike | None = None,
    data_dir: PathLike | None = None,
    mirror: str | None = None,
    progress: bool | None = None,
    **keys: Any,
) -> Inspection:
    """Read a data set and tell how `train` would use it, as `sightline datasets inspect` does.

    The images are read and stored as `train` with the same arguments does, which then reuses them.

    Args:
        dataset: As for `train`, like the other arguments.

    Raises:
        ConfigError: A key or a value is wrong.
        DataError: The data set is missing or damaged, or its layout is unknown.
    """
    run = {"artifacts": artifacts, "data_dir": data_dir, "mirror": mirror}
    both = {**(settings or {}), **keys}
    return Inspection(run_command("inspect", dataset, recipe, both, run=run, progress=progress))
