"""The device of a training, as seen from the parent process: nothing here imports Keras."""

from sightline.config import TrainingConfig
from sightline.pipeline.process import KerasProcess, ProcessSettings, keras_process
from sightline.pipeline.provenance import cores
from sightline.records import DeviceReport


def process_settings(training: TrainingConfig) -> ProcessSettings:
    """Return how the Keras process must be started for a training.

    The GPU is hidden if the training asks for the CPU. Ghost batches run side by side, so each
    operation gets its share of the cores. JAX must be told to compute deterministically on a GPU
    before it starts.
    """
    ghost_batches = training.ghost_batches
    return ProcessSettings(
        use_gpu=training.device != "cpu",
        threads=max(1, cores() // ghost_batches) if ghost_batches > 1 else None,
        deterministic=training.deterministic is True,
    )


def prepare_process(training: TrainingConfig) -> KerasProcess:
    """Configure the Keras process for a training and check that a required GPU is available.

    If a deployment does the training, its machine needs the GPU and nothing is checked here.
    Raises DeviceError if `training.device` is "gpu" and the backend sees none.
    """
    process = keras_process()
    process.configure(process_settings(training))
    if training.device == "gpu" and training.deployment is None:
        process.run(inspect, training)
    return process


def inspect(training: TrainingConfig) -> DeviceReport:
    """Describe the device that a training would use. Runs in the Keras process.

    Raises DeviceError if a GPU is required and the backend sees none.
    """
    from sightline.training import backend  # imports Keras

    device = backend.resolve_device(training.device)
    return DeviceReport(device=backend.describe_device(device), environment=backend.environment())


def describe() -> str:
    """Ask the Keras process for the device and the backend that a training would use."""
    report = keras_process().run(inspect, TrainingConfig(epochs=1))
    return f"{report.device}, backend {report.environment['backend']}"
