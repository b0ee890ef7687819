"""Accuracy of a recipe over seeds.

Usage: python benchmarks/accuracy.py --data-dir DIRECTORY [--recipe accurate] [--seeds 5]
           [--held-out 10000 [--set KEY=VALUE ...]]

Each seed trains one model and evaluates it once on the test split. To choose between settings,
use `--held-out`: it evaluates on N images held out of the training split, never on the
test split.
"""

import statistics
from pathlib import Path

import pyarrow.parquet as pq
from harness import arguments, fit, scratch
from scipy.stats import sem, t
from time_to_accuracy import Point, ours

from sightline.config import RunConfig, loading
from sightline.records import Run
from sightline.storage.workspace import Workspace


def held_out(root: Path, data_dir: Path, config: RunConfig) -> Point:
    """Train once; return the seconds of fit and the accuracy on the held-out images in percent."""
    run = Run(id="held-out", workspace=Workspace(root), data_dir=data_dir)
    *_, trained = fit(run, config)
    last = pq.read_table(root / trained.history.path).to_pylist()[-1]
    return trained.fit_seconds or 0.0, 100 * last["val_accuracy"]


if __name__ == "__main__":
    given = arguments(__doc__, recipe="accurate", seeds=5, held_out=0, set=[])
    accuracies = []
    with scratch() as root:
        for seed in range(given.seeds):
            if given.held_out:
                fraction = f"preprocessing.validation_fraction={given.held_out / 60_000}"
                changes = [fraction, f"training.seed={seed}", *given.set]
                config = loading.load(given.recipe, overrides=changes)
                seconds, accuracy = held_out(root, given.data_dir, config)
            else:
                seconds, accuracy = ours(root, given.data_dir, given.recipe, seed)
            accuracies.append(accuracy)
            print(f"seed {seed}: {accuracy:.2f} %, fit {seconds:.0f} s", flush=True)
    mean = f"mean {statistics.mean(accuracies):.3f} %"
    if len(accuracies) > 1:
        half = t.ppf(0.975, len(accuracies) - 1) * sem(accuracies)  # Student's t
        mean += f" ± {half:.3f} (95 % confidence interval of the mean)"
    print(mean)
