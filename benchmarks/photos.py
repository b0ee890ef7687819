"""Photographs: `auto` and `photos-accurate` against a plain Keras script of the same network.

Usage: python benchmarks/photos.py --data-dir FOLDER [--seeds 3] [--plain-seeds 1]

FOLDER has train/ and test/ with a folder per class. CPU seconds are those of all processes, from
start to end: ours include the start of Prefect, its server and Keras, the data gate, the
predictions for the test split and the report, but not the in-depth evaluation (robustness,
saliency, label errors), which the script does not have. A second run has another seed and finds
the features in the cache. With --head-only, nothing but the head is trained. Each run is printed
when it ends, the table at the end.
"""

import resource
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import arguments, print_rows, run, scratch, server_seconds, spread, train

PLAIN = Path(__file__).with_name("plain_photos.py")
HEAD = (
    "--set=model.finetune=head",
    "--set=embedding.views=1",
    "--set=training.epochs=10",
    "--set=training.batch_size=128",
    "--set=training.learning_rate=0.004",
)
"""Options that train the head alone, on one view of each image."""

Point = tuple[float, float, dict[str, Any]]  # CPU seconds, test accuracy in percent, the result


def timed(root: Path, command: Callable[[], dict[str, Any]]) -> Point:
    """Run a command; measure the CPU time of its processes and of the server that it leaves."""

    def spent() -> float:
        found = resource.getrusage(resource.RUSAGE_CHILDREN)
        return found.ru_utime + found.ru_stime + server_seconds(root)

    before = spent()
    found = command()
    point = spent() - before, 100 * found["test_accuracy"], found
    print(f"{point[0]:.0f} CPU s, {point[1]:.2f} %", file=sys.stderr, flush=True)
    return point


def ours(root: Path, data_dir: Path, seed: int, *options: str) -> Point:
    """Train with the recipe `auto`."""
    given = (f"--dataset={data_dir}", f"--set=training.seed={seed}", *options)
    return timed(root, lambda: train(root, data_dir, *given))


def plain(data_dir: Path, seed: int) -> Point:
    """Train with the plain script."""
    command = [sys.executable, str(PLAIN), f"--data-dir={data_dir}", f"--seed={seed}"]
    return timed(Path(), lambda: run(command, TF_CPP_MIN_LOG_LEVEL="3"))


def main() -> None:
    """Measure and print a Markdown table."""
    given = arguments(__doc__, seeds=3, plain_seeds=1, head_only=False)
    data = given.data_dir.absolute()
    first, second, script = [], [], []
    head, head_again, accurate = [], [], []
    for seed in range(max(given.seeds, given.plain_seeds)):
        if seed < given.seeds:
            with scratch() as root:
                head.append(ours(root, data, seed, *HEAD))
                head_again.append(ours(root, data, seed + 100, *HEAD))
        if seed < given.seeds and not given.head_only:
            with scratch() as root:
                first.append(ours(root, data, seed))
                second.append(ours(root, data, seed + 100))
            with scratch() as root:
                accurate.append(ours(root, data, seed, "--recipe=photos-accurate"))
        if seed < given.plain_seeds and not given.head_only:
            script.append(plain(data, seed))
    columns = ("", "CPU s", "test accuracy, %", "mean")
    measured = {
        "recipe auto, empty cache": first,
        "recipe auto, another seed, features cached": second,
        "recipe photos-accurate, empty cache": accurate,
        "frozen features and a head, empty cache": head,
        "frozen features and a head, another seed, features cached": head_again,
        "plain Keras script, all layers, 8 epochs": script,
    }
    rows = []
    for name, points in measured.items():
        if points:
            seconds, accuracies = ([point[part] for point in points] for part in (0, 1))
            mean = f"{statistics.mean(accuracies):.2f}"
            rows.append((name, spread(seconds), spread(accuracies), mean))
    print_rows(columns, rows)
    for _, _, summary in first:
        stages = {name: stage["seconds"] for name, stage in summary["stages"].items()}
        print(f"Wall time of the stages, s: {stages}")


if __name__ == "__main__":
    main()
