"""Time of fit to the tutorial's accuracy: plain Keras and the recipe `fast`, in turn.

Usage: python benchmarks/time_to_accuracy.py --data-dir DIRECTORY [--seeds 5] [--recipe fast]
           [--figure docs/time_to_accuracy.png]

Both are timed from the start of fit to its end, including graph building, each in its own process.
The test set is evaluated once, after the fit. `--figure` draws instead, for one seed, the accuracy
against the time: the script after each epoch, `fast` for 2,700 to 43,200 images.
"""

import itertools
import statistics
import sys
from pathlib import Path

from harness import Comparison, arguments, measure, records, run, scratch, show, train
from overhead import PLAIN

GOAL, FLOOR = 98.52, 98.3
"""Test accuracy in percent: the tutorial's, for the mean; the least for every seed."""

EXAMPLES = (2_700, 5_400, 10_800, 21_600, 43_200)
BLUE, ORANGE = "#0072b2", "#d55e00"  # distinguishable by colour-blind readers (Okabe and Ito)
Point = tuple[float, float]


def plain(data_dir: Path, seed: int) -> Point:
    """Fit the tutorial as a plain script; return seconds and test accuracy in percent."""
    found = run([*PLAIN, f"--data-dir={data_dir}", f"--seed={seed}"])
    return found["fit_seconds"], 100 * found["test_accuracy"]


def ours(root: Path, data_dir: Path, recipe: str, seed: int, *options: str) -> Point:
    """Fit a recipe through the command; return seconds and test accuracy in percent."""
    wanted = (f"--recipe={recipe}", f"--set=training.seed={seed}", "--refresh", *options)
    found = train(root, data_dir, *wanted)
    return records(found)["train"]["fit_seconds"], 100 * found["test_accuracy"]


def compare(data_dir: Path, seeds: int, recipe: str = "fast") -> list[Comparison]:
    """Measure seed by seed, in turn."""
    seconds = Comparison(f"fit of {recipe}, s", "plain Keras, five epochs")
    accuracy = Comparison(f"test accuracy of {recipe}, %", "plain Keras", higher_is_better=True)
    with scratch() as root:
        return measure(
            seeds,
            [seconds, accuracy],
            lambda seed: ours(root, data_dir, recipe, seed),
            lambda seed: plain(data_dir, seed),
        )


def draw(data_dir: Path, path: Path) -> None:
    """Measure and draw the accuracy against the time, on logarithmic axes."""
    import matplotlib.pyplot as plt

    found = run([*PLAIN, f"--data-dir={data_dir}", "--test-each-epoch"])
    seconds = itertools.accumulate(found["epoch_seconds"])
    script = list(zip(seconds, (100 * one for one in found["epoch_accuracies"]), strict=True))
    with scratch() as root:
        settings = [f"--set=training.examples_per_epoch={count}" for count in EXAMPLES]
        fast = [ours(root, data_dir, "fast", 0, setting) for setting in settings]
    print("plain Keras", script, "\nfast", fast)
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for points, color, marker, name in (
        (script, ORANGE, "s", "tutorial as a plain Keras script, after each epoch"),
        (fast, BLUE, "o", "recipe fast, for more and more images"),
    ):
        times, accuracies = zip(*points, strict=True)
        errors = [100 - accuracy for accuracy in accuracies]
        axes.plot(times, errors, color=color, marker=marker, label=name)
    axes.axhline(100 - GOAL, color="0.4", linestyle="--", linewidth=1)
    axes.annotate(f"{GOAL} %", (1.05, 100 - GOAL), xytext=(0, 3), textcoords="offset points")
    ticks = {"xticks": [1, 2, 5, 10, 20, 50, 100], "yticks": [1, 2, 5, 10]}
    labels = {"xlabel": "Time of fit including graph building (s)", "ylabel": "Test accuracy (%)"}
    axes.set(xscale="log", yscale="log", **ticks, **labels)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter(lambda error, _: f"{100 - error:g}")
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    given = arguments(__doc__, seeds=5, recipe="fast", figure="")
    if given.figure:
        draw(given.data_dir, Path(given.figure))
        sys.exit()
    seconds, accuracy = compare(given.data_dir, given.seeds, given.recipe)
    show([seconds, accuracy])
    mean = statistics.mean(accuracy.ours)
    print(f"Mean test accuracy: {mean:.3f} %, plain {statistics.mean(accuracy.theirs):.3f} %")
    print("Seed by seed: ", *zip(seconds.theirs, seconds.ours, accuracy.ours, strict=True))
    sys.exit(mean < GOAL or min(accuracy.ours) < FLOOR)  # the accuracy was not reached
