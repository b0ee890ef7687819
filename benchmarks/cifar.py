"""Small color images from scratch: the recipe `cifar` against a plain Keras ResNet-20.

Usage: python benchmarks/cifar.py --data-dir FOLDER [--epochs 6] [--epochs 13] [--plain-epochs 8]

FOLDER has CIFAR-10 as train*.parquet and test*.parquet. Each number of epochs is a training of its
own, from the start of the command to the test accuracy, without the in-depth evaluation. The plain
script is evaluated after each epoch; its time is that of `fit`. Wall time, so measure on an idle
machine.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import arguments, print_rows, records, run, scratch, train

PLAIN = Path(__file__).with_name("plain_resnet.py")
COLUMNS = ("", "epochs", "minutes", "test accuracy, %", "images/s")


def ours(data: Path, epochs: int, seed: int) -> tuple[object, ...]:
    """Train with the recipe `cifar`; return a row."""
    options = (f"--dataset={data}", "--recipe=cifar", f"--set=training.epochs={epochs}")
    with scratch() as root:
        started = time.monotonic()
        found = train(root, data, *options, f"--set=training.seed={seed}")
        minutes = (time.monotonic() - started) / 60
        speed = records(found)["train"]["images_per_second"]
    accuracy = f"{100 * found['test_accuracy']:.2f}"
    return f"recipe cifar, seed {seed}", epochs, f"{minutes:.1f}", accuracy, speed


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
                yield "plain ResNet-20", epoch, f"{seconds / 60:.1f}", f"{100 * accuracy:.2f}", ""

    print_rows(COLUMNS, measured())


if __name__ == "__main__":
    main()
