"""Small color images from scratch: the recipe `cifar` against a plain Keras ResNet-20.

Usage: python benchmarks/cifar.py --data-dir FOLDER [--epochs 6] [--epochs 13] [--plain-epochs 8]

FOLDER has CIFAR-10 as train*.parquet and test*.parquet. Each number of epochs is a training of its
own, from the start of the command to the test accuracy, without the in-depth evaluation. The same
network with `training.flip_averaging` has the second accuracy. The plain script is evaluated after
each epoch; its time is that of `fit`. Wall time, so measure on an idle machine.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import arguments, in_new_process, print_rows, records, run, scratch, train

PLAIN = Path(__file__).with_name("plain_resnet.py")
COLUMNS = ("", "epochs", "minutes", "test accuracy, %", "with mirror images, %", "images/s")


def ours(data: Path, epochs: int, seed: int) -> tuple[object, ...]:
    """Train with the recipe `cifar`; return a row."""
    options = (f"--dataset={data}", "--recipe=cifar", f"--set=training.epochs={epochs}")
    with scratch() as root:
        started = time.monotonic()
        found = train(root, data, *options, f"--set=training.seed={seed}")
        minutes = (time.monotonic() - started) / 60
        made = records(found)
        mirrored = in_new_process(flip_averaged, root / "artifacts", made)
    accuracies = (f"{100 * share:.2f}" for share in (found["test_accuracy"], mirrored))
    speed = made["train"]["images_per_second"]
    return f"recipe cifar, seed {seed}", epochs, f"{minutes:.1f}", *accuracies, speed


def flip_averaged(root: Path, made: dict[str, Any]) -> float:
    """Return the test accuracy with the probabilities of each image and its mirror image."""
    import numpy as np

    from sightline.data.scaling import to_float
    from sightline.data.split_arrays import open_split, read_split_labels
    from sightline.models import keras_files
    from sightline.records import ArraySet
    from sightline.storage.workspace import Workspace

    test = ArraySet.model_validate(made["preprocess"]).splits["test"]
    model = keras_files.read_model(root / made["train"]["model"]["path"])
    network = keras_files.without_preprocessing(model)
    images = to_float(open_split(Workspace(root), test)[:])
    both = (
        network.predict(seen, batch_size=500, verbose=0) for seen in (images, images[:, :, ::-1])
    )
    classes = np.argmax(sum(np.squeeze(probabilities) for probabilities in both), axis=1)
    return float(np.mean(classes == read_split_labels(Workspace(root), test)))


def main() -> None:
    """Measure and print a Markdown table."""
    given = arguments(__doc__, epochs=[], plain_epochs=8, seeds=1)
    data = given.data_dir.absolute()

    def measured() -> Iterator[tuple[object, ...]]:
        for epochs in map(int, given.epochs or (6, 13)):
            for seed in range(given.seeds):
                yield ours(data, epochs, seed)
        command = [sys.executable, str(PLAIN), f"--data-dir={data}"]
        if given.plain_epochs:
            found = run([*command, f"--epochs={given.plain_epochs}"], TF_CPP_MIN_LOG_LEVEL="3")
            for epoch, (seconds, accuracy) in enumerate(found["curve"], start=1):
                minutes, percent = f"{seconds / 60:.1f}", f"{100 * accuracy:.2f}"
                yield "plain ResNet-20", epoch, minutes, percent, "", ""

    print_rows(COLUMNS, measured())


if __name__ == "__main__":
    main()
