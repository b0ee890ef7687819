"""Records of the network, untrained and trained."""

from typing import ClassVar

from sightline.records.base import FileRecord, Record


class Layer(Record):
    """One layer of the model, for summaries; `output_shape` leaves out the batch dimension."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int


class ModelBlueprint(Record):
    """Output of build: the untrained model.

    Attributes:
        architecture: Keras' JSON of the functional model; input float32 in [0, 1].
        summary: Text table of the layers.
        layers: The layers in order.
        parameters: Number of trainable and other weights.
    """

    incidental: ClassVar[frozenset[str]] = frozenset({"summary"})

    architecture: FileRecord
    summary: FileRecord
    layers: tuple[Layer, ...]
    parameters: int
    image_shape: tuple[int, int, int]
    num_classes: int


class Gpu(Record):
    """One GPU: its name, the version of its driver, its memory in bytes."""

    name: str
    driver: str
    memory_bytes: int


class TrainedModel(Record):
    """Output of train.

    Attributes:
        model: `.keras` file that takes raw uint8 images of `image_shape` and returns class
            probabilities.
        weights_sha256: Digest of all weights, in order; equal weights give equal digests.
        optimizer_sha256: Digest of the optimizer's variables after the last step.
        seeds_sha256: Digest of the seed generators' states after the last step.
        history: Parquet file with one row an epoch: epoch (from 1), loss, accuracy,
            val_loss and val_accuracy where there is a validation split, seconds,
            images_per_second.
        epochs: Epochs trained.
        best_epoch: The epoch whose weights these are, where the best were asked for.
        resumed: A sentence for each time that the training went on from a checkpoint.
        checkpoints: How many checkpoints were written.
        checkpoint_seconds: Time spent on writing them.
        device: What it was trained on, such as "cpu" or "gpu: NVIDIA H200".
        fit_seconds: Wall time of the fit in the process that ended it: graph building, validation
            and checkpoints included, what a resumed training did before left out.
        images_per_second: Training images a second, over all epochs.
        peak_memory_bytes: Largest resident set of the Keras process.
        peak_device_memory_bytes: Largest memory taken on the GPU; None on a CPU.
        gpus: The GPUs that the process could see, whether it used them or not.
        environment: What the bits depend on: versions, backend, threads, oneDNN.
    """

    incidental: ClassVar[frozenset[str]] = frozenset(
        {
            "resumed",
            "checkpoints",
            "checkpoint_seconds",
            "device",
            "fit_seconds",
            "images_per_second",
            "peak_memory_bytes",
            "peak_device_memory_bytes",
            "gpus",
        }
    )

    model: FileRecord
    weights_sha256: str
    optimizer_sha256: str | None = None
    seeds_sha256: str | None = None
    history: FileRecord
    epochs: int
    best_epoch: int | None = None
    resumed: tuple[str, ...] = ()
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    device: str
    fit_seconds: float | None = None
    images_per_second: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int | None = None
    gpus: tuple[Gpu, ...] = ()
    environment: dict[str, str]


class DeviceReport(Record):
    """What Keras would compute on, for people, and what the bits depend on."""

    device: str
    environment: dict[str, str]
