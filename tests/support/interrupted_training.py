"""Trainings in one artifacts root, which tests interrupt at a step."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sightline.config import CnnConfig, TrainingConfig
from sightline.models import build
from sightline.records import ArraySet, Run, TrainedModel
from sightline.training import train
from sightline.training.history import History

FIT = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.01, checkpoint_steps=3)


class PowerCut(BaseException):
    """Stands in for a machine that stops."""


def cut_power(*_: object) -> None:
    raise PowerCut


class Bench:
    """Trainings in one artifacts root, which can be interrupted at a step."""

    def __init__(self, run: Run, arrays: ArraySet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run = run
        self.arrays = arrays
        self.monkeypatch = monkeypatch

    def fit(self, network: CnnConfig, settings: TrainingConfig = FIT) -> TrainedModel:
        blueprint = build.build(self.run, self.arrays, network)
        return train.train(self.run, self.arrays, blueprint, settings)

    def after_each_step(self, action: Callable[[int], object]) -> None:
        """Do something with the number of steps of this process."""
        after_step, number = History.on_train_batch_end, itertools.count(1)

        def step_done(history: History, batch: int, logs: dict[str, float] | None = None) -> None:
            after_step(history, batch, logs)
            action(next(number))

        self.monkeypatch.setattr(History, "on_train_batch_end", step_done)

    def at_step(self, step: int, action: Callable[[], object]) -> None:
        """Do something once, after this number of steps of this process."""
        self.after_each_step(lambda number: number == step and action())

    def interrupt(self, step: int, network: CnnConfig, settings: TrainingConfig = FIT) -> None:
        self.at_step(step, cut_power)
        with pytest.raises(PowerCut):
            self.fit(network, settings)

    def refreshing(self) -> "Bench":
        """The same root for a run that ignores the cache."""
        fresh = self.run.model_copy(update={"id": "fresh", "refresh": True})
        return Bench(fresh, self.arrays, self.monkeypatch)

    def checkpoints(self) -> list[Path]:
        return sorted((self.run.workspace.root / "checkpoints").glob("*/*.npz"))

    def history(self, trained: TrainedModel) -> pd.DataFrame:
        columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
        return pd.read_parquet(self.run.workspace.root / trained.history.path)[columns]
