"""What a finished training leaves: its history and its record. Runs in the Keras process."""

from typing import Literal

import keras
import pyarrow as pa
import pyarrow.parquet as pq

from sightline.pipeline.cache import Draft
from sightline.records import TrainedModel
from sightline.training import backend, gpu, state
from sightline.training.checkpoint_callback import CheckpointCallback
from sightline.training.nodes import nodes


def describe(
    draft: Draft,
    model: keras.Model,
    training_model: keras.Model,
    callback: CheckpointCallback,
    device: Literal["cpu", "gpu"],
    devices: int,
) -> TrainedModel:
    """Write the history; describe it, the exported model and the state of its training."""
    history, position = callback.history, callback.position
    for name, rows in (("history", history.rows), ("steps", history.intervals())):
        path = draft.path(f"{name}.parquet")
        pq.write_table(pa.Table.from_pylist(rows), path, write_page_checksum=True)
    return TrainedModel(
        model=draft.record("model.keras"),
        weights_sha256=state.digest(model, "weights"),
        optimizer_sha256=state.digest(training_model, "optimizer"),
        seeds_sha256=state.digest(training_model, "seeds"),
        history=draft.record("history.parquet"),
        steps=draft.record("steps.parquet"),
        epochs=len(history.rows),
        examples=history.examples,
        accuracy=float(history.rows[-1]["accuracy"]),
        best_epoch=position.best_epoch,
        stopped=history.stopped,
        resumed=position.resumed,
        checkpoints=position.checkpoints,
        checkpoint_seconds=round(position.checkpoint_seconds, 3),
        device=backend.describe_device(device),
        devices=devices,
        nodes=nodes().count,
        images_per_second=round(history.images_per_second(), 1),
        peak_memory_bytes=backend.peak_memory_bytes(),
        peak_device_memory_bytes=backend.peak_device_memory_bytes(device),
        gpus=gpu.visible(),
        environment=position.environment,
    )
