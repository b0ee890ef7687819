"""Records of the untrained and the trained network."""

from typing import ClassVar, Literal

from sightline.records.base import ArrayFile, FileRecord, Record, Sha256


class Layer(Record):
    """One layer of the model; `output_shape` excludes the batch dimension."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int


class ModelBlueprint(Record):
    """Output of build: the untrained model."""

    incidental: ClassVar[frozenset[str]] = frozenset({"summary"})

    architecture: FileRecord  # Keras' JSON of the functional model; input float32 in [0, 1]
    summary: FileRecord  # Text table of the layers
    layers: tuple[Layer, ...]
    parameters: int  # Number of weights, trainable or not
    image_shape: tuple[int, int, int]
    num_classes: int
    # `.keras` file with the weights that training starts from; None: it draws all by its seed
    pretrained: FileRecord | None = None
    pretrained_sha256: str | None = None  # Digest of the file that these weights came from
    last_frozen: str | None = None  # Name of the last layer that is not trained, if there is one
    # Phase of a training in two phases. frozen: only the head is trained; finetune: the weights of
    # `pretrained` have a trained head
    phase: Literal["frozen", "finetune"] | None = None


class Gpu(Record):
    """A GPU: name, driver version and memory in bytes."""

    name: str
    driver: str
    memory_bytes: int


class ModelFile(Record):
    """A `.keras` file anywhere: its absolute path and the digest that it must have."""

    incidental: ClassVar[frozenset[str]] = frozenset({"path"})

    path: str
    sha256: Sha256


class TrainedModel(Record):
    """Output of train."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {
            "resumed",
            "accuracy",
            "augmented_views",
            "checkpoints",
            "checkpoint_seconds",
            "device",
            "devices",
            "nodes",
            "fit_seconds",
            "waiting",
            "images_per_second",
            "peak_memory_bytes",
            "peak_device_memory_bytes",
            "gpus",
        }
    )

    # `.keras` file that takes raw uint8 images of `image_shape` and returns class probabilities
    model: FileRecord
    weights_sha256: str  # Digest of all weights, in order
    optimizer_sha256: str | None = None  # Digest of the optimizer's variables after the last step
    seeds_sha256: str | None = None  # Digest of the seed generators' states after the last step
    # Parquet file with one row per epoch: epoch (from 1), loss, accuracy, val_loss and val_accuracy
    # if there is a validation split, learning_rate after its last step, seconds, images_per_second
    history: FileRecord
    # Parquet file with about fifty rows: step (from 1), epoch (a fraction where it is incomplete),
    # mean loss and accuracy since the row before, learning_rate
    steps: FileRecord | None = None
    # uint8 NPY of shape (1 + views, m, height, width, channels): training images, then augmented
    # views of them; None without augmentation
    augmented_views: ArrayFile | None = None
    epochs: int  # Number of epochs trained
    examples: int | None = None  # Images of all epochs together; None in earlier versions
    accuracy: float | None = None  # Training accuracy of the last epoch, with dropout
    best_epoch: int | None = None  # The epoch of these weights if `training.keep_weights` is "best"
    stopped: str | None = None  # Why it stopped before the last epoch, in a sentence, if it did
    resumed: tuple[str, ...] = ()  # A sentence for each time it resumed from a checkpoint
    checkpoints: int = 0  # Number of checkpoints written
    checkpoint_seconds: float = 0.0  # Time spent writing them
    device: str  # Such as "cpu" or "gpu: NVIDIA H200"
    devices: int = 1  # Devices that shared each batch, on all nodes together
    nodes: int = 1  # Machines that took part
    # Wall time of the fit in its last process, with graph building, validation and checkpoints
    fit_seconds: float | None = None
    waiting: float | None = None  # Share of it that the fit waited for images or features
    images_per_second: float  # Training throughput over all epochs
    peak_memory_bytes: int  # Peak resident set size of the Keras process
    peak_device_memory_bytes: int | None = None  # Peak GPU memory; None on a CPU
    gpus: tuple[Gpu, ...] = ()  # All GPUs visible to the process
    environment: dict[str, str]  # What exact weights depend on: versions, backend, threads, oneDNN


class DeviceReport(Record):
    """The device that Keras uses, and the environment that exact results depend on."""

    device: str
    devices: int = 1  # Those of its kind that the backend can use on this machine
    environment: dict[str, str]
