"""Accuracy of a recipe on images held out of the training split: what recipes are chosen by.

Usage: python benchmarks/held_out.py --data-dir DIRECTORY [--recipe accurate] [--seeds 1]
           [--examples 10000] [--set training.epochs=20 --set ...]

The test split is never evaluated. The held-out images are the same for all seeds.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from sightline.config import RunConfig, loading
from sightline.data import ingest, locate, preprocess
from sightline.models.build import BUILD
from sightline.pipeline.process import keras_process
from sightline.pipeline.progress import Progress, listening
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.training.device import prepare_process
from sightline.training.train import TRAIN


def train(root: Path, data_dir: Path, config: RunConfig) -> tuple[float, float, float]:
    """Train once.

    Returns:
        Accuracy on the held-out and on the training images in percent, the latter as seen while
        training in the last epoch; seconds of the fit.
    """
    run = Run(id="held-out", workspace=Workspace(root), data_dir=data_dir)
    prepare_process(config.training)
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = keras_process().run(BUILD.function, run, arrays, config.model)
    trained = keras_process().run(TRAIN.function, run, arrays, blueprint, config.training)
    last = pq.read_table(root / trained.history.path).to_pylist()[-1]
    return 100 * last["val_accuracy"], 100 * last["accuracy"], trained.fit_seconds


def show_epoch(progress: Progress) -> None:
    """Print the end of an epoch to standard error."""
    if progress.epoch_done:
        facts = ", ".join(f"{name} {value:.4f}" for name, value in progress.facts.items())
        print(f"epoch {progress.epoch} of {progress.epochs}: {facts}", file=sys.stderr)


def main() -> None:
    """Train each seed and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--recipe", default="accurate")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder, listening(show_epoch):
        for seed in range(asked.seeds):
            share = f"preprocessing.validation_fraction={asked.examples / 60_000}"
            changes = [share, f"training.seed={seed}", *asked.changes]
            config = loading.load(asked.recipe, overrides=changes)
            accuracy, trained, seconds = train(Path(folder), asked.data_dir, config)
            found.append(accuracy)
            print(f"seed {seed}: {accuracy:.2f} % held out, {trained:.2f} % training, {seconds} s")
    print(f"{' '.join(asked.changes) or asked.recipe}: mean {statistics.mean(found):.3f} %")


if __name__ == "__main__":
    main()
