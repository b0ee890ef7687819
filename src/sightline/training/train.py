"""The stage train: fit the model and export it.

Training is a pure function of config, data, seed and environment. An interrupted training resumes
from its newest intact checkpoint with the same result.
"""

from contextlib import suppress

from sightline.config import TrainingConfig
from sightline.errors import NodeLostError, StorageError
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.training import joining
from sightline.training.checkpoints import Checkpoints
from sightline.training.nodes import nodes


def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> TrainedModel:
    """Fit the model and export it with its preprocessing. Runs in the Keras process.

    A validation split only monitors the training. Raises ConfigError if the best weights are wanted
    without one, DeviceError if the device is not available, MemoryLimitError if a batch needs too
    much memory, NodeLostError if another machine of the training is lost, and DivergenceError if
    the weights are no longer finite.
    """
    key = TRAIN.key(arrays, blueprint, settings)
    checkpoints = Checkpoints(run.workspace, key)
    if not nodes().leads:
        return _follow(run, arrays, blueprint, settings, checkpoints)

    def make(draft: Draft) -> TrainedModel:
        from sightline.training import fit  # imports Keras

        with joining.joined(key):
            trained = fit.fit(run, arrays, blueprint, settings, checkpoints, draft)
        assert trained is not None  # noqa: S101 - it is where there is a draft
        return trained

    trained = find_or_make(run, TRAIN, key, make)
    # Another process may be rerunning the training and need the checkpoints. If the removal fails,
    # a later clean-up removes them: the result is stored.
    with suppress(OSError, StorageError), cache.idle(run, TRAIN, key) as idle:
        if idle and (run.workspace.url or checkpoints.folder.exists()):
            checkpoints.discard()
    return trained


def _follow(
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
    checkpoints: Checkpoints,
) -> TrainedModel:
    """Take part in the training of node 0, and return what that stored."""
    key = checkpoints.folder.name
    made = cache.find(run, TRAIN, key)
    if made is None or (run.refresh and made.made_by != run.token):
        from sightline.training import fit  # imports Keras

        with joining.joined(key):
            fit.fit(run, arrays, blueprint, settings, checkpoints, None)
    stored = cache.wait_for(run, TRAIN, key)
    if stored is None:
        raise NodeLostError(
            f"Node 0 did not store the model in {run.workspace}, which all nodes must share; see "
            "its log, then start all nodes again."
        )
    return stored.record


TRAIN = Stage(train, KERAS)
