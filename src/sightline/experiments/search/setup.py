"""What all trials of a search have in common."""

from collections.abc import Mapping
from typing import Any

from sightline.experiments.search.space import Dimension
from sightline.records import Record, Source

METRICS = {"val_accuracy": "maximize", "val_loss": "minimize"}
"""What a trial may be chosen by, and Optuna's word for its direction."""


class Setup(Record):
    """What all trials of a study have in common; another setup needs another study."""

    source: Source
    config: str  # The config that the space is applied to, as JSON
    space: tuple[Dimension, ...]
    metric: str
    pruning: bool
    seed: int
    epochs: int  # Epochs of the config

    def differences(self, found: Mapping[str, Any]) -> list[str]:
        """List what differs in an earlier setup, read from JSON: fields, or "data".

        The name of a file's folder may change, its content may not.
        """
        own = self.model_dump(mode="json")
        changed = [key for key in own if key != "source" and own[key] != found.get(key)]
        if own["source"]["sha256"] != found.get("source", {}).get("sha256"):
            changed.append("data")
        return changed
