"""Train a small network on two CPU devices of this process, or as a node; print what came out.

Usage: python parallel_training.py devices FOLDER, or node FOLDER STEP. The folder has the records
of the data and, for nodes, of the network. A node ends abruptly after this step, if it is not 0.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

if os.environ.get("KERAS_BACKEND") == "jax" and sys.argv[1] == "devices":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import pyarrow.parquet as pq
import pytest

from interrupted_training import Bench, PowerCut, cut_power
from sightline.config import Augmentation, CnnConfig, Convolution, TrainingConfig
from sightline.errors import DeviceError
from sightline.models import build
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.storage.workspace import Workspace
from sightline.training import device, parallel, train

NETWORK = CnnConfig(
    convolutions=(Convolution(filters=4, batch_normalization=True), Convolution(filters=8)),
    dense_units=8,
    dropout=0.3 if keras.backend.backend() == "jax" else 0.0,
)
# 7 epochs of 8 steps; on JAX each image is changed as on one device
CHANGED = Augmentation(flip="both", padding=1, mixup=0.3, cutmix=1.0)
TRAINING = TrainingConfig(
    epochs=7,
    batch_size=16,
    optimizer="adamw",
    learning_rate=0.001,
    ema=0.9,
    checkpoint_steps=10,
    augmentation=CHANGED if keras.backend.backend() == "jax" else Augmentation(),
)


def settings(**changes: Any) -> TrainingConfig:
    return TRAINING.model_copy(update=changes)


def summary(run: Run, trained: TrainedModel) -> dict[str, Any]:
    table = pq.read_table(run.workspace.root / trained.history.path).to_pydict()
    history = {name: table[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    steps = pq.read_table(run.workspace.root / trained.steps.path)["loss"].to_pylist()
    return {
        "history": history,
        "steps": steps,
        "devices": trained.devices,
        "nodes": trained.nodes,
        "environment": trained.environment.get("devices"),
        "resumed": trained.resumed,
        "digests": [trained.weights_sha256, trained.optimizer_sha256, trained.seeds_sha256],
        "file": trained.model.sha256,
    }


def split_logically() -> None:
    """Give TensorFlow two CPU devices."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def in_other_root(run: Run, folder: Path) -> Run:
    """Return a run whose artifacts root shares only the data."""
    cache = folder / keras.backend.backend() / "cache"
    cache.mkdir(parents=True)
    for name in ("ingest", "preprocess"):
        (cache / name).symlink_to(run.workspace.root / "cache" / name)
    return run.model_copy(update={"workspace": Workspace(cache.parent)})


def on_devices(run: Run, arrays: ArraySet, folder: Path) -> dict[str, Any]:
    """Compare one device with two, and an interrupted training with an uninterrupted one."""
    if keras.backend.backend() == "tensorflow":
        split_logically()
    bench = Bench(run, arrays, pytest.MonkeyPatch())
    found = {"one": summary(run, bench.fit(NETWORK, settings()))}
    (folder / "blueprint.json").write_text(build.build(run, arrays, NETWORK).model_dump_json())
    other = Bench(in_other_root(run, folder), arrays, bench.monkeypatch)
    two = settings(devices=2)
    found["two"] = summary(other.run, other.fit(NETWORK, two))
    bench.at_step(25, cut_power)
    with pytest.raises(PowerCut):
        bench.fit(NETWORK, two)
    bench.monkeypatch.undo()
    found["resumed"] = summary(run, bench.fit(NETWORK, two))
    with pytest.raises(DeviceError) as missing:
        device.inspect(settings(devices=4))
    found["missing"] = str(missing.value)
    if keras.backend.backend() == "tensorflow":
        found["draws"] = [draws(devices) for devices in (1, 2)]
    found["available"] = device.inspect(TRAINING).devices
    return found


def draws(devices: int) -> list[list[float]]:
    """Return what each replica draws with the same seed."""
    import tensorflow as tf

    with parallel.computing_on("cpu", devices):
        seed, strategy = keras.random.SeedGenerator(1), tf.distribute.get_strategy()
        drawn = strategy.run(lambda: keras.random.uniform((3,), seed=seed))
        return [one.numpy().tolist() for one in strategy.experimental_local_results(drawn)]


def as_node(run: Run, arrays: ArraySet, folder: Path, last_step: int) -> dict[str, Any]:
    """Train with the other nodes; end abruptly after a step, if it is not 0."""
    blueprint = ModelBlueprint.model_validate_json((folder / "blueprint.json").read_text())
    if last_step:
        bench = Bench(run, arrays, pytest.MonkeyPatch())
        bench.at_step(last_step, lambda: os._exit(9))
    return summary(run, train.train(run, arrays, blueprint, settings(devices="all")))


def main(folder: Path, last_step: int | None) -> dict[str, Any]:
    """Train on the devices of this process, or as a node if there is a step."""
    run = Run(id="parallel", workspace=Workspace(folder / "artifacts"))
    arrays = ArraySet.model_validate_json((folder / "arrays.json").read_text())
    if last_step is None:
        return on_devices(run, arrays, folder)
    return as_node(run, arrays, folder, last_step)


if __name__ == "__main__":
    step = int(sys.argv[3]) if sys.argv[1] == "node" else None
    sys.stdout.write(json.dumps(main(Path(sys.argv[2]), step)))
