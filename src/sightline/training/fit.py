"""Fit the model: compile, feed batches, monitor, export.

Runs in the Keras process. Training is a pure function of config, data, seed and environment: each
batch is a function of (seed, epoch, step), the initial weights are a function of the seed, and a
checkpoint holds everything that the next step depends on.
"""

import logging
import random
import time
from typing import Any, Literal

import keras
import pyarrow as pa
import pyarrow.parquet as pq
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from sightline.config import TrainingConfig
from sightline.errors import ConfigError
from sightline.models import keras_files
from sightline.pipeline.cache import Draft
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.storage.workspace import Workspace
from sightline.training import backend, gpu, precision, state
from sightline.training.augmentation import augmentation
from sightline.training.branches import side_by_side
from sightline.training.callbacks import History
from sightline.training.checkpoints import Checkpoint, Checkpoints, Position
from sightline.training.input_pipeline import Batches, feed, steps_per_epoch
from sightline.training.saving import Saver, resumption
from sightline.training.seeding import draw_by_seed, draw_seed

_SPARE_BYTES = 1 << 20
"""Room for the history, and for what formats add."""

_RISE = 0.25
"""Share of a one-cycle training in which the learning rate rises (Smith and Topin,
"Super-convergence", 2018, take 0.3 to 0.45; the short ones here like it shorter)."""

_NOT_DECAYED = ["bias", "gamma", "beta"]
"""What shifts and scales; only kernels are decayed."""

_log = logging.getLogger(__name__)


def fit(
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
    checkpoints: Checkpoints,
    draft: Draft,
) -> TrainedModel:
    """Fit the model and write it and its history to the draft; see `train.train`."""
    needed = 2 * 4 * blueprint.parameters + _SPARE_BYTES
    run.workspace.check_room(needed, "The trained model and its history")
    device = backend.resolve_device(settings.device)
    if settings.deterministic or (settings.deterministic is None and device == "cpu"):
        backend.compute_deterministically()
    with keras.device(f"{device}:0"), backend.memory_errors(settings.batch_size):
        rng = random.Random(settings.seed)  # noqa: S311 - no secret
        network = _network(run.workspace, blueprint, settings, rng)
        computed_in = precision.resolve(settings.precision, device)
        environment = backend.environment() | {"precision": computed_in}
        with precision.computing_in(network, computed_in):
            started = time.monotonic()
            model = _compiled(network, arrays, settings, rng)
            begin = _begin(run, model, checkpoints, environment)
            saver, history = _fit(run, model, checkpoints, arrays, settings, begin)
            seconds = round(time.monotonic() - started, 3)
    keras_files.export(network, draft.path("model.keras"))
    record = _record(draft, model, saver, history, settings, device)
    return record.model_copy(update={"fit_seconds": seconds})


def _fit(
    run: Run,
    model: keras.Model,
    checkpoints: Checkpoints,
    arrays: ArraySet,
    settings: TrainingConfig,
    begin: Checkpoint,
) -> tuple[Saver, History]:
    """Fit from where the training stands to its end."""
    split = arrays.splits["train"]
    examples = _examples(arrays, settings)
    history = History(examples, _steps(arrays, settings), settings.epochs, begin.position)
    saver = Saver(checkpoints, history, settings, begin)
    with saver.listening():
        for first, last, first_step in _segments(begin.position, settings.epochs):
            batches = Batches(
                run.workspace,
                split,
                settings.batch_size,
                settings.seed,
                first_step,
                examples,
                _ghost_batches(arrays, settings),
            )
            model.fit(
                feed(batches),
                initial_epoch=first,
                epochs=last,
                shuffle=False,
                verbose=0,
                callbacks=[_orders(batches), history, saver],
                validation_data=_held_out(run, arrays, settings),
            )
        saver.finish(model)
    return saver, history


def _begin(
    run: Run, model: keras.Model, checkpoints: Checkpoints, environment: dict[str, str]
) -> Checkpoint:
    """Bring the model to its newest good checkpoint, or begin anew."""
    state.prepare(model)
    found = checkpoints.newest()
    if found is not None and run.refresh and found.position.made_by != run.token:
        checkpoints.discard()
        found = None
    if found is None:
        return Checkpoint(Position(made_by=run.token, environment=environment), {})
    state.restore(model, found.arrays, "weights", "optimizer", "seeds")
    sentence = resumption(found.position, environment)
    _log.warning(sentence)
    update = {
        "made_by": run.token,
        "environment": environment,
        "resumed": (*found.position.resumed, sentence),
    }
    return Checkpoint(found.position.model_copy(update=update), found.arrays)


def _segments(position: Position, epochs: int) -> list[tuple[int, int, int]]:
    """List what is left as (first epoch, epoch to stop before, first step): the half, the whole."""
    half = [(position.epoch, position.epoch + 1, position.step)] if position.step else []
    done = position.epoch + len(half)
    return half + ([(done, epochs, 0)] if done < epochs else [])


def _orders(batches: Batches) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: batches.start_epoch(epoch)
    )


def _held_out(run: Run, arrays: ArraySet, settings: TrainingConfig) -> Any:
    split = arrays.splits.get("validation")
    if split is not None:
        ghost_batches = _ghost_batches(arrays, settings)
        return feed(
            Batches(
                run.workspace, split, settings.batch_size, seed=None, ghost_batches=ghost_batches
            )
        )
    if settings.keep_weights == "best":
        raise ConfigError(
            'training.keep_weights="best" needs a validation split; set '
            'preprocessing.validation_fraction, such as 0.1, or training.keep_weights="last".'
        )
    return None


def _record(
    draft: Draft,
    model: keras.Model,
    saver: Saver,
    history: History,
    settings: TrainingConfig,
    device: Literal["cpu", "gpu"],
) -> TrainedModel:
    """Write the history; describe it and the exported model."""
    table = pa.Table.from_pylist(history.rows)
    pq.write_table(table, draft.path("history.parquet"), write_page_checksum=True)
    return TrainedModel(
        model=draft.record("model.keras"),
        weights_sha256=state.digest(model, "weights"),
        optimizer_sha256=state.digest(model, "optimizer"),
        seeds_sha256=state.digest(model, "seeds"),
        history=draft.record("history.parquet"),
        epochs=settings.epochs,
        best_epoch=saver.position.best_epoch,
        resumed=saver.position.resumed,
        checkpoints=saver.position.checkpoints,
        checkpoint_seconds=round(saver.position.checkpoint_seconds, 3),
        device=backend.describe_device(device),
        images_per_second=round(history.images_per_second(), 1),
        peak_memory_bytes=backend.peak_memory_bytes(),
        peak_device_memory_bytes=backend.peak_device_memory_bytes(device),
        gpus=gpu.visible(),
        environment=saver.position.environment,
    )


def _examples(arrays: ArraySet, settings: TrainingConfig) -> int:
    """Count the examples of an epoch."""
    return settings.examples_per_epoch or arrays.splits["train"].images.shape[0]


def _ghost_batches(arrays: ArraySet, settings: TrainingConfig) -> int:
    """Count the ghost_batches: a batch has at least an example for each."""
    return min(settings.ghost_batches, settings.batch_size, _examples(arrays, settings))


def _steps(arrays: ArraySet, settings: TrainingConfig) -> int:
    """Count the steps of an epoch."""
    ghost_batches = _ghost_batches(arrays, settings)
    return steps_per_epoch(_examples(arrays, settings), settings.batch_size, ghost_batches)


def _network(
    workspace: Workspace, blueprint: ModelBlueprint, settings: TrainingConfig, rng: random.Random
) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    architecture = blueprint.architecture
    network = keras_files.read_architecture(workspace.root / architecture.path, architecture.sha256)
    draw_by_seed(network, rng)
    return network


def _compiled(
    network: keras.Model, arrays: ArraySet, settings: TrainingConfig, rng: random.Random
) -> keras.Model:
    change = augmentation(settings.augmentation, draw_seed(rng))
    model = side_by_side(network, _ghost_batches(arrays, settings), change)
    model.compile(
        optimizer=_optimizer(settings, _steps(arrays, settings) * settings.epochs),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
        steps_per_execution=_steps_per_execution(settings),
    )
    return model


def _steps_per_execution(settings: TrainingConfig) -> int:
    """Return how many steps Keras takes at once; on PyTorch it takes one."""
    return 1 if keras.backend.backend() == "torch" else settings.steps_per_execution


def _optimizer(settings: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate = _learning_rate(settings, steps)
    options = {"learning_rate": rate, "weight_decay": settings.weight_decay or None}
    optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": options})
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


def _learning_rate(settings: TrainingConfig, steps: int) -> float | LearningRateSchedule:
    """Return the rate, or its course over all steps of the training."""
    full = settings.learning_rate
    match settings.schedule:
        case "cosine":
            return CosineDecay(full, steps)
        case "one-cycle":
            rise = max(1, round(_RISE * steps))
            return CosineDecay(0.0, max(1, steps - rise), warmup_target=full, warmup_steps=rise)
        case _:
            return full
