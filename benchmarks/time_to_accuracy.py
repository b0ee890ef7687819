"""Wall time of fit to the tutorial's accuracy: plain Keras and the recipe `fast`, in turn.

Usage: python benchmarks/time_to_accuracy.py --data-dir DIRECTORY [--seeds 5] [--recipe fast]

Both are timed from the start of fit to its end, graph building included, in processes of their
own; who goes first alternates. The test set is looked at once, after the fit.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from comparison import SHALLOW, Comparison, answer, in_turn, show

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
GOAL, FLOOR = 98.52, 98.3
"""Test accuracy in percent: the tutorial's, for the mean; the least for every seed."""


def plain(data_dir: Path, seed: int) -> tuple[float, float]:
    """Fit the tutorial as a plain Keras script; return seconds and test accuracy in percent."""
    found = answer([sys.executable, f"{HERE}/plain_keras.py", str(data_dir), f"--seed={seed}"])
    return found["fit_seconds"], 100 * found["test_accuracy"]


def ours(
    root: Path, data_dir: Path, recipe: str, seed: int, examples: int | None = None
) -> tuple[float, float]:
    """Fit a recipe through the command; return seconds and test accuracy in percent."""
    settings = [f"--data-dir={data_dir}", f"--set=training.seed={seed}", "--refresh", "--json"]
    settings += [f"--set=training.examples_per_epoch={examples}"] if examples else []
    command = [f"{BIN}/sightline", "train", f"--recipe={recipe}", *settings, *SHALLOW]
    run = answer([*command, f"--artifacts={root}/artifacts"], PREFECT_HOME=f"{root}/prefect")
    records = json.loads(Path(run["run_dir"], "manifest.json").read_text())["records"]
    return records["train"]["fit_seconds"], 100 * records["evaluate"]["accuracy"]


def compare(data_dir: Path, seeds: int, recipe: str = "fast") -> list[Comparison]:
    """Measure both, seed by seed."""
    seconds = Comparison(f"fit of {recipe}, s", "plain Keras, five epochs")
    accuracy = Comparison(f"test accuracy of {recipe}, %", "plain Keras", more_is_better=True)
    with tempfile.TemporaryDirectory() as folder:

        def measure_plain(seed: int) -> None:
            found = plain(data_dir, seed)
            seconds.theirs.append(found[0])
            accuracy.theirs.append(found[1])

        def measure_ours(seed: int) -> None:
            found = ours(Path(folder), data_dir, recipe, seed)
            seconds.ours.append(found[0])
            accuracy.ours.append(found[1])

        in_turn(seeds, measure_plain, measure_ours)
    return [seconds, accuracy]


def main() -> None:
    """Measure and print; end with 1 if the accuracy was not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", default="fast")
    asked = parser.parse_args()
    seconds, accuracy = compare(asked.data_dir, asked.seeds, asked.recipe)
    show([seconds, accuracy])
    mean = statistics.mean(accuracy.ours)
    print(f"Mean test accuracy: {mean:.3f} %, plain {statistics.mean(accuracy.theirs):.3f} %")
    print("Seed by seed: ", *zip(seconds.theirs, seconds.ours, accuracy.ours, strict=True))
    sys.exit(mean < GOAL or min(accuracy.ours) < FLOOR)


if __name__ == "__main__":
    main()
