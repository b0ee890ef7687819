"""The stage train: fit the model and export it.

Training is a pure function of config, data, seed and environment. An interrupted training resumes
from its newest intact checkpoint with the same result.
"""

from contextlib import suppress

from sightline.config import TrainingConfig
from sightline.errors import StorageError
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.training.checkpoints import Checkpoints


def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> TrainedModel:
    """Fit the model and export it with its preprocessing. Runs in the Keras process.

    A validation split only monitors the training. Raises ConfigError if the best weights are wanted
    without one, DeviceError if the device is not available, MemoryLimitError if a batch needs too
    much memory, and DivergenceError if the weights are no longer finite.
    """
    key = TRAIN.key(arrays, blueprint, settings)
    checkpoints = Checkpoints(run.workspace, key)

    def make(draft: Draft) -> TrainedModel:
        from sightline.training import fit  # imports Keras

        return fit.fit(run, arrays, blueprint, settings, checkpoints, draft)

    trained = find_or_make(run, TRAIN, key, make)
    # Another process may be rerunning the training and need the checkpoints. If the removal fails,
    # a later clean-up removes them: the result is stored.
    with suppress(OSError, StorageError), cache.idle(run, TRAIN, key) as idle:
        if idle and (run.workspace.url or checkpoints.folder.exists()):
            checkpoints.discard()
    return trained


TRAIN = Stage(train, KERAS)
