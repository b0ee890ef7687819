"""The device of a training, as seen from the parent process: nothing here imports Keras."""

from collections.abc import Iterator
from contextlib import contextmanager

from sightline.config import TrainingConfig
from sightline.errors import ConfigError
from sightline.pipeline.process import KerasProcess, keras_process
from sightline.pipeline.process_settings import ProcessSettings
from sightline.pipeline.provenance import cores, keras_backend
from sightline.records import DeviceReport
from sightline.training.nodes import NODES, nodes


def process_settings(training: TrainingConfig, share: int | None = None) -> ProcessSettings:
    """Return how the Keras process must be started for a training.

    The GPU is hidden if the training asks for the CPU. Ghost batches run side by side, so each
    operation gets its part of the cores, or of the `share` of a training beside others. JAX must be
    told to compute deterministically on a GPU before it starts.
    """
    ghost_batches = training.ghost_batches
    threads = max(1, (share or cores()) // ghost_batches)
    return ProcessSettings(
        use_gpu=training.device != "cpu",
        threads=threads if share or ghost_batches > 1 else None,
        share=share,
        deterministic=training.deterministic is True,
    )


def prepare_process(training: TrainingConfig) -> KerasProcess:
    """Configure the Keras process for a training and check that the devices are available.

    If a deployment does the training, its machine needs them and nothing is checked here.
    Raises ConfigError if the backend cannot share batches as wanted or nodes cannot be started, and
    DeviceError if a demanded GPU or one of several devices is missing.
    """
    process = keras_process()
    process.configure(process_settings(training, process.share))
    if training.nodes > 1:
        _check_nodes(training)
    if training.deployment is None:
        check_parallel(training)
        if training.device == "gpu" or training.devices != 1:
            process.run(inspect, training)
    return process


def check_parallel(training: TrainingConfig) -> None:
    """Raise ConfigError if Keras' backend cannot train on several devices or nodes as wanted."""
    backend, place = keras_backend(), nodes()
    if place.count > 1 and (backend != "jax" or training.devices == 1):
        raise ConfigError(
            f"{NODES} is {place.count}, but training.devices is {training.devices!r} and the "
            f'backend {backend}; several nodes need training.devices="all" and KERAS_BACKEND=jax.'
        )
    if training.devices == 1:
        return
    if backend not in {"jax", "tensorflow"}:
        raise ConfigError(
            f"training.devices is {training.devices!r}, but the backend {backend} trains on one "
            "device; set it to 1, or KERAS_BACKEND to tensorflow or jax."
        )
    one_by_one = {
        'training.precision="float16"': training.precision == "float16",
        "training.clip_norm": training.clip_norm is not None,
    }
    for setting, chosen in one_by_one.items():
        if chosen and backend == "tensorflow":
            raise ConfigError(
                f"With {setting}, each device would judge its own gradients on the backend "
                "tensorflow; change it, or set training.devices=1 or KERAS_BACKEND=jax."
            )


def _check_nodes(training: TrainingConfig) -> None:
    backend, wanted = keras_backend(), training.deployment
    if wanted is None or backend != "jax" or training.devices == 1:
        raise ConfigError(
            f"training.nodes is {training.nodes}, but training.deployment is {wanted or 'unset'}, "
            f"training.devices is {training.devices!r} and the backend {backend}; several nodes "
            'need training.deployment="fit/fit-node", training.devices="all" and KERAS_BACKEND=jax.'
        )


@contextmanager
def process_of_training() -> Iterator[KerasProcess]:
    """Yield the Keras process for a training; with several nodes, one of its own.

    JAX must meet the other nodes before it computes anything, and leaves them at the end.
    """
    process = keras_process()
    several = nodes().count > 1
    if several:
        process.close()
    try:
        yield process
    finally:
        if several:
            process.close()


def inspect(training: TrainingConfig) -> DeviceReport:
    """Describe the device that a training would use. Runs in the Keras process.

    Raises DeviceError if a GPU is required and the backend sees none, or if there are fewer
    devices than wanted, and ConfigError if they cannot share a batch.
    """
    from sightline.training import backend, parallel  # import Keras

    device = backend.resolve_device(training.device)
    parallel.count(training, device)
    return DeviceReport(
        device=backend.describe_device(device),
        devices=parallel.available(device),
        environment=backend.environment(),
    )


def describe() -> str:
    """Ask the Keras process for the devices and the backend that a training could use."""
    report = keras_process().run(inspect, TrainingConfig(epochs=1))
    facts = [report.device, f"backend {report.environment['backend']}"]
    facts += [f"{report.devices} devices"] if report.devices > 1 else []
    facts += [str(nodes())] if nodes().count > 1 else []
    return ", ".join(facts)
