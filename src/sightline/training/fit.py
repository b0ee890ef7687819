"""Fit the model: compile, feed batches, monitor, export.

Runs in the Keras process. Training is a pure function of config, data, seed and environment: each
batch is a function of (seed, epoch, step), the initial weights are a function of the seed, and a
checkpoint holds everything that the next step depends on.
"""

import logging
import random
import time
from functools import partial
from typing import Any

import keras

from sightline.config import TrainingConfig
from sightline.models import backbone, keras_files, mirrored
from sightline.models.seeding import draw_by_seed, draw_seed
from sightline.pipeline.cache import Draft
from sightline.records import ArraySet, ModelBlueprint, ModelMetadata, Run, TrainedModel
from sightline.storage.workspace import Workspace
from sightline.training import (
    augmented_views,
    backend,
    joining,
    outcome,
    parallel,
    precision,
    state,
)
from sightline.training.augmentation import augmentation
from sightline.training.averages import Averages
from sightline.training.checkpoint_callback import CheckpointCallback, describe_resumption
from sightline.training.checkpoints import Checkpoint, Checkpoints, Position
from sightline.training.class_balance import class_weights
from sightline.training.epoch_plan import EpochPlan
from sightline.training.ghost_batches import side_by_side
from sightline.training.history import History
from sightline.training.input_pipeline import Batches, feed
from sightline.training.nodes import nodes
from sightline.training.optimizer import build_optimizer
from sightline.training.waiting import Waiting

_SPARE_BYTES = 1 << 20  # Room for the history and the overhead of file formats
_log = logging.getLogger(__name__)


def fit(
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
    checkpoints: Checkpoints,
    draft: Draft | None,
) -> TrainedModel | None:
    """Fit the model and write it and its history to the draft; see `train.train`.

    Without a draft, this machine takes part in the training of another one.
    """
    needed = 2 * 4 * blueprint.parameters + augmented_views.MOST_BYTES + _SPARE_BYTES
    settings.check_validated(validated="validation" in arrays.splits)
    run.workspace.check_room(needed, "The trained model and its history")
    device = backend.resolve_device(settings.device)
    if settings.deterministic or (settings.deterministic is None and device == "cpu"):
        backend.compute_deterministically()
    devices = parallel.count(settings, device)
    plan = EpochPlan.for_training(arrays.splits["train"], settings, parallel.shares(devices))
    with parallel.computing_on(device, devices), backend.memory_errors(settings.batch_size):
        rng = random.Random(settings.seed)  # noqa: S311 - no secret
        model = _initial_model(run.workspace, blueprint, settings, rng)
        compute_type = precision.resolve(settings.precision, device)
        environment = backend.environment() | {"precision": compute_type}
        environment |= {"devices": str(devices)} if devices > 1 else {}
        together = parallel.normalizing_whole_batches(model, devices)
        with precision.computing_in(model, compute_type), together:
            started = time.monotonic()
            cut = blueprint.last_frozen
            trained = model if cut is None else backbone.tail(model, cut)
            training_model = _compile(trained, plan, settings, rng)
            start = _restore(run, training_model, checkpoints, environment)
            history = History(plan, settings, start.position)
            leads = draft is not None
            callback = CheckpointCallback(checkpoints, history, settings, start, leads=leads)
            with callback.saving_on_sigterm():
                waited = _fit_epochs(run, training_model, arrays, plan, settings, callback)
            seconds = time.monotonic() - started
    if draft is None:
        return None
    exported = mirrored.averaged(model) if settings.flip_averaging else model
    keras_files.export(exported, draft.path("model.keras"), ModelMetadata.of(arrays))
    record = outcome.describe(draft, model, training_model, callback, device, devices)
    views = augmented_views.write(run.workspace, arrays.splits["train"], settings, draft)
    measured = {"fit_seconds": round(seconds, 3), "waiting": round(waited / seconds, 4)}
    return record.model_copy(update=measured | {"augmented_views": views})


def _initial_model(
    workspace: Workspace, blueprint: ModelBlueprint, settings: TrainingConfig, rng: random.Random
) -> keras.Model:
    """Build the model of a blueprint with the initial weights of the seed."""
    keras.utils.set_random_seed(settings.seed)
    if blueprint.pretrained is None:
        path = workspace.root / blueprint.architecture.path
        model = keras_files.read_architecture(path, blueprint.architecture.sha256)
        draw_by_seed(model.layers, rng)
        return model
    path = workspace.root / blueprint.pretrained.path
    exported = keras_files.read_model(path, blueprint.pretrained.sha256)
    model = keras_files.without_preprocessing(exported)
    head_only = blueprint.phase == "frozen" or blueprint.last_frozen == backbone.POOLING
    backbone.freeze(model, head_only=head_only)
    if blueprint.phase != "finetune":
        draw_by_seed(backbone.head(model), rng)
        if head_only:
            backbone.start_head_at_zero(model)
    return model


def _compile(
    model: keras.Model, plan: EpochPlan, settings: TrainingConfig, rng: random.Random
) -> keras.Model:
    """Return the model with augmentation and ghost batches in front of it, compiled."""
    layer = augmentation(settings.augmentation, draw_seed(rng), model.input_shape[-1])
    training_model = side_by_side(model, plan.ghost_batches, layer, plan.mixing is not None)
    is_torch = keras.backend.backend() == "torch"  # it runs one step at a time
    training_model.compile(
        optimizer=build_optimizer(settings, plan.steps * settings.epochs, _last_layer(model)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
        steps_per_execution=1 if is_torch else settings.steps_per_execution,
    )
    return training_model


def _last_layer(model: keras.Model) -> str:
    return str([layer.name for layer in model.layers if layer.weights][-1])


def _restore(
    run: Run, model: keras.Model, checkpoints: Checkpoints, environment: dict[str, str]
) -> Checkpoint:
    """Restore the newest intact checkpoint; return it, or the start of a new training."""
    state.prepare(model)
    found = joining.from_leader(partial(_newest, run, checkpoints))
    if found is None:
        return Checkpoint(Position(made_by=run.token, environment=environment), {})
    state.restore(model, found.arrays, "weights", "optimizer", "seeds")
    sentence = describe_resumption(found.position, environment)
    if nodes().leads:
        _log.warning(sentence)
    update = {
        "made_by": run.token,
        "environment": environment,
        "resumed": (*found.position.resumed, sentence),
    }
    return Checkpoint(found.position.model_copy(update=update), found.arrays)


def _newest(run: Run, checkpoints: Checkpoints) -> Checkpoint | None:
    """Return the newest intact checkpoint, unless this run ignores what others have stored."""
    found = checkpoints.newest()
    if found is not None and run.refresh and found.position.made_by != run.token:
        checkpoints.discard()
        return None
    return found


def _fit_epochs(
    run: Run,
    model: keras.Model,
    arrays: ArraySet,
    plan: EpochPlan,
    settings: TrainingConfig,
    callback: CheckpointCallback,
) -> float:
    """Fit from the current position to the end; return the seconds of waiting for batches."""
    waited = 0.0
    averages = [] if settings.ema is None else [Averages()]
    split, balanced = arrays.splits["train"], settings.sampling == "balanced"
    weighted = settings.class_weight == "balanced"
    weights = class_weights(run.workspace, split) if weighted else None
    for first, last, first_step in callback.position.segments(settings.epochs):
        if callback.history.stopped:
            break
        batches = Batches(run.workspace, split, plan, settings.seed, first_step, balanced=balanced)
        waiting = Waiting(batches)
        model.fit(
            feed(batches),
            initial_epoch=first,
            epochs=last,
            shuffle=False,
            verbose=0,
            callbacks=[
                *averages,
                _shuffle_each_epoch(batches),
                waiting,
                callback.history,
                callback,
            ],
            validation_data=_validation_data(run, arrays, plan),
            class_weight=weights,
        )
        waited += waiting.seconds
    callback.finish(model)
    return waited


def _shuffle_each_epoch(batches: Batches) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: batches.start_epoch(epoch)
    )


def _validation_data(run: Run, arrays: ArraySet, plan: EpochPlan) -> Any:
    split = arrays.splits.get("validation")
    if split is None:
        return None
    return feed(Batches(run.workspace, split, plan.for_validation(split), seed=None))
