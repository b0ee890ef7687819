"""Test accuracy of a recipe over seeds; each seed trains one model and evaluates it once.

Usage: python benchmarks/accuracy.py --data-dir DIRECTORY [--recipe accurate] [--seeds 5]
           [--first-seed 0]

For recipes that are final: what chooses between them is held_out.py.
"""

import argparse
import math
import statistics
import tempfile
from pathlib import Path

from scipy.stats import t
from time_to_accuracy import ours


def interval(values: list[float]) -> float:
    """Return half the width of the 95 % interval of the mean (Student's t)."""
    error = statistics.stdev(values) / math.sqrt(len(values))
    return float(t.ppf(0.975, len(values) - 1)) * error


def main() -> None:
    """Train, evaluate and print, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--recipe", default="accurate")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    asked = parser.parse_args()
    accuracies = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            seconds, accuracy = ours(Path(folder), asked.data_dir, asked.recipe, seed)
            accuracies.append(accuracy)
            print(f"seed {seed}: {accuracy:.2f} %, fit {seconds:.0f} s", flush=True)
    mean = f"mean {statistics.mean(accuracies):.3f} %"
    if len(accuracies) > 1:
        mean += f" ± {interval(accuracies):.3f} (95 % interval of the mean)"
    print(mean)


if __name__ == "__main__":
    main()
