"""A tiny model that is trained on textures once, for all tests that only read it."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from reading import prepare_textures
from sightline.config import CnnConfig, Convolution, TrainingConfig
from sightline.models import build
from sightline.pipeline.progress import Progress, listening
from sightline.records import ArraySet, DatasetFiles, ModelBlueprint, Run, TrainedModel
from sightline.training import train

SMALL = CnnConfig(convolutions=(Convolution(filters=8), Convolution(filters=8)), dense_units=8)
FIT = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.02)


@dataclass(frozen=True)
class Textures:
    """The records of the stages, and the progress of the training."""

    run: Run
    files: DatasetFiles
    arrays: ArraySet
    blueprint: ModelBlueprint
    trained: TrainedModel
    progress: tuple[Progress, ...]

    @property
    def refreshed(self) -> Run:
        """A new run that ignores the cache."""
        return self.run.model_copy(update={"id": uuid.uuid4().hex, "refresh": True})


def make(folder: Path) -> Textures:
    """Train with `SMALL` and `FIT` in a folder."""
    run, files, arrays = prepare_textures(folder)
    blueprint = build.build(run, arrays, SMALL)
    seen: list[Progress] = []
    with listening(seen.append):
        trained = train.train(run, arrays, blueprint, FIT)
    return Textures(run, files, arrays, blueprint, trained, tuple(seen))
