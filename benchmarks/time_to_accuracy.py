"""Wall time of fit to the tutorial's accuracy: plain Keras and the recipe `fast`, in turn.

Usage: python benchmarks/time_to_accuracy.py --data-dir DIRECTORY [--seeds 5] [--recipe fast]

Both are timed from the start of fit to its end, graph building included, in processes of their
own; who goes first alternates. The test set is looked at once, after the fit.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
GOAL, FLOOR = 98.52, 98.3
"""Test accuracy in percent: the tutorial's, for the mean; the least for every seed."""

Measured = tuple[float, float]
"""Seconds of fit; test accuracy in percent."""


def output(command: list[str], environment: dict[str, str]) -> str:
    """Run a command and return its standard output."""
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def plain(data_dir: Path, seed: int) -> Measured:
    """Fit the tutorial as a plain Keras script."""
    command = [sys.executable, str(HERE / "plain_keras.py"), str(data_dir), str(seed)]
    seconds, accuracy = re.findall(r"\d+\.\d+", output(command, dict(os.environ)))
    return float(seconds), 100 * float(accuracy)


def ours(root: Path, data_dir: Path, recipe: str, seed: int) -> Measured:
    """Fit a recipe through the command."""
    settings = [f"--data-dir={data_dir}", f"--set=training.seed={seed}", "--refresh", "--json"]
    command = [str(BIN / "sightline"), "train", f"--recipe={recipe}", *settings]
    environment = {**os.environ, "PREFECT_HOME": str(root / "prefect")}
    run = json.loads(output([*command, f"--artifacts={root}/artifacts"], environment))
    manifest = json.loads(Path(run["run_dir"], "manifest.json").read_text())
    records = manifest["records"]
    return records["train"]["fit_seconds"], 100 * records["evaluate"]["accuracy"]


def line(name: str, values: list[float]) -> str:
    """Format a row: the median, the mean and the range."""
    return (
        f"{name:<34} {statistics.median(values):8.2f} {statistics.mean(values):8.2f}   "
        f"{min(values):.2f} to {max(values):.2f}"
    )


def main() -> None:
    """Measure and print; end with 1 if the accuracy was not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", default="fast")
    asked = parser.parse_args()
    theirs: list[Measured] = []
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.seeds):
            for turn in (seed, seed + 1):
                if turn % 2:
                    theirs.append(plain(asked.data_dir, seed))
                else:
                    found.append(ours(Path(folder), asked.data_dir, asked.recipe, seed))
            print(f"seed {seed}: plain {theirs[-1]}, {asked.recipe} {found[-1]}", flush=True)
    print(f"{'':<34} {'median':>8} {'mean':>8}   range")
    print(line("plain Keras, fit, s", [seconds for seconds, _ in theirs]))
    print(line(f"recipe {asked.recipe}, fit, s", [seconds for seconds, _ in found]))
    ratios = [slow / quick for (slow, _), (quick, _) in zip(theirs, found, strict=True)]
    print(line("ratio, pair by pair", ratios))
    accuracies = [accuracy for _, accuracy in found]
    print(line("plain Keras, test accuracy, %", [accuracy for _, accuracy in theirs]))
    print(line(f"recipe {asked.recipe}, test accuracy, %", accuracies))
    sys.exit(statistics.mean(accuracies) < GOAL or min(accuracies) < FLOOR)


if __name__ == "__main__":
    main()
