"""Kill trainings at random moments and compare what they end with; measure what checkpoints cost.

    python benchmarks/resume.py                     52 kills over four recipes, then the cost
    python benchmarks/resume.py --kills 200 --seed 1
    python benchmarks/resume.py --data-dir DIR      the cost on the whole MNIST in DIR

A training runs in a process of its own and is killed with SIGKILL at a moment drawn at random,
again and again until it gets to its end; then the digests of weights, optimizer and seed
generators are compared with those of a training in one go. Checkpoints are written every five
steps.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from sightline.config import (
    Augmentation,
    DataConfig,
    ModelConfig,
    PreprocessingConfig,
    TrainingConfig,
    loading,
)
from sightline.data import ingest, locate, preprocess
from sightline.records import ArraySet, Run, TrainedModel
from sightline.storage import files
from sightline.storage.workspace import Workspace
from sightline.training.checkpoints import Checkpoints

INTERVAL = 5
"""Steps between two checkpoints."""

FIT = TrainingConfig(epochs=4, batch_size=32, checkpoint_steps=INTERVAL)
CHANGES = Augmentation(rotation=0.05, translation=0.1, zoom=0.1, shear=0.1, elastic=0.02)
RECIPES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "tutorial": ({}, {}),
    "dropout": ({"dropout": 0.3}, {}),
    "augmentation": ({}, {"augmentation": CHANGES, "schedule": "cosine"}),
    "both, best weights": ({"dropout": 0.3}, {"augmentation": CHANGES, "keep_weights": "best"}),
}


def main() -> None:
    """Run the kills, then measure the cost."""
    arguments = _arguments()
    if arguments.worker:
        _work(Path(arguments.worker[0]), arguments.worker[1])
        return
    console = Console(width=100)
    with tempfile.TemporaryDirectory(prefix="sightline-resume-") as folder:
        moments = np.random.default_rng(arguments.seed)
        share = -(-arguments.kills // len(RECIPES))
        rows = [_Kills(Path(folder), name, moments).run(share) for name in RECIPES]
        console.print(_table(rows, arguments.seed))
        console.print(_cost(Path(folder), arguments.data_dir))
    sys.exit(0 if all(row.different == 0 for row in rows) else 1)


class _Kills:
    """The kills of one recipe."""

    def __init__(self, folder: Path, name: str, moments: np.random.Generator) -> None:
        self.name = name
        self.kills = self.trainings = self.different = self.while_writing = self.damaged = 0
        self.lost: list[int] = []
        self._folder = folder / name.replace(" ", "-")
        self._moments = moments

    def run(self, kills: int) -> "_Kills":
        """Kill so often, and let the last training end."""
        whole = _Worker(self._root("whole"), self.name)
        expected = whole.result()
        # A third of what is left on average: trainings are killed several times.
        self._longest_wait = whole.seconds / 2
        while self.kills < kills:
            self._one_training(self._root(str(self.trainings)), kills, expected)
        return self

    def _root(self, name: str) -> Path:
        return self._folder / name

    def _one_training(self, root: Path, kills: int, expected: str) -> None:
        while self.kills < kills:
            worker = _Worker(root, self.name)
            worker.wait_for_a_step()
            time.sleep(self._moments.uniform(0, self._longest_wait))
            if not worker.kill():
                break
            self.kills += 1
            self._look(root, worker.steps)
        self.trainings += 1
        self.different += _Worker(root, self.name).result() != expected

    def _look(self, root: Path, reached: int) -> None:
        folder = next((root / "checkpoints").glob("[0-9a-f]*"), None)
        if folder is None:  # killed before the first one
            self.lost.append(reached)
            return
        self.while_writing += bool(files.leftovers(folder))
        checkpoints = Checkpoints(Workspace(root), folder.name)
        before = sorted(folder.glob("checkpoint-*"))
        newest = checkpoints.newest()
        self.damaged += len(before) - len(sorted(folder.glob("checkpoint-*")))
        self.lost.append(reached - (newest.position.steps if newest else 0))


class _Worker:
    """A training in a process of its own, which tells of every step."""

    def __init__(self, root: Path, recipe: str) -> None:
        self.steps = 0
        self._digests = ""
        self._first_step = threading.Event()
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", str(root), recipe],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            kind, _, value = line.strip().partition(" ")
            if kind == "step":
                self.steps = int(value)
                if not self._first_step.is_set():
                    self._started = time.monotonic()
                    self._first_step.set()
            elif kind == "digests":
                self._digests = value
        self.seconds = time.monotonic() - self._started
        self._first_step.set()

    def wait_for_a_step(self) -> None:
        self._first_step.wait()

    def kill(self) -> bool:
        """Kill it; tell whether it was still at work."""
        alive = self._process.poll() is None
        self._process.send_signal(signal.SIGKILL)
        self._end()
        return alive and not self._digests

    def result(self) -> str:
        """Wait for the end and return the digests."""
        self._end()
        if not self._digests:
            raise SystemExit(f"The training ended with {self._process.returncode}.")
        return self._digests

    def _end(self) -> None:
        self._process.wait()
        self._reader.join()


def _work(root: Path, recipe: str) -> None:
    """Train in this process; print every step and, at the end, the digests."""
    from sightline.pipeline.progress import Progress, listening
    from sightline.training import callbacks

    callbacks._REPORT_INTERVAL = 0  # every step

    def tell(progress: Progress) -> None:
        if progress.stage == "train" and progress.total and progress.epoch:
            steps = (progress.epoch - 1) * progress.total + progress.done
            sys.stdout.write(f"step {steps}\n")
            sys.stdout.flush()

    network, fit = RECIPES[recipe]
    with listening(tell):
        trained = _train(
            Run(id="run", workspace=Workspace(root)),
            "mnist-5k",
            network,
            FIT.model_copy(update=fit),
        )
    digests = (trained.weights_sha256, trained.optimizer_sha256, trained.seeds_sha256)
    sys.stdout.write(f"digests {' '.join(map(str, digests))}\n")


def _train(run: Run, dataset: str, network: dict[str, object], fit: TrainingConfig) -> TrainedModel:
    from sightline.models import build
    from sightline.training import train

    arrays = _arrays(run, dataset)
    settings: ModelConfig = loading.load("tutorial").model.model_copy(update=network)
    return train.train(run, arrays, build.build(run, arrays, settings), fit)


def _arrays(run: Run, dataset: str) -> ArraySet:
    settings = DataConfig(dataset=dataset)
    ingested = ingest.ingest(run, locate.locate(settings), settings)
    return preprocess.preprocess(run, ingested, PreprocessingConfig(validation_fraction=0.1))


def _table(rows: list[_Kills], seed: int) -> Table:
    table = Table(title=f"kill -9 at random moments (seed {seed}), a checkpoint every 5 steps")
    for column in ("recipe", "kills", "within a write", "trainings", "equal", "steps lost"):
        table.add_column(column, justify="left" if column == "recipe" else "right")
    for row in rows:
        equal = row.trainings - row.different
        lost = f"median {statistics.median(row.lost):g}, most {max(row.lost)}"
        cells = (row.kills, row.while_writing, row.trainings, f"{equal} of {row.trainings}", lost)
        table.add_row(row.name, *map(str, cells))
    kills, trainings = sum(row.kills for row in rows), sum(row.trainings for row in rows)
    different = sum(row.different for row in rows)
    table.caption = (
        f"{kills} kills, {trainings - different} of {trainings} trainings equal to one in a single "
        f"go; {sum(row.damaged for row in rows)} damaged checkpoints"
    )
    return table


def _cost(folder: Path, data_dir: Path | None) -> Table:
    """Train with the default interval and show what the checkpoints cost."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run = Run(id="cost", workspace=Workspace(folder / "cost"), data_dir=data_dir)
    dataset, epochs = ("mnist", 3) if data_dir else ("mnist-5k", 40)
    fit = TrainingConfig(epochs=epochs)
    trained = _train(run, dataset, {}, fit)
    images = _arrays(run, dataset).splits["train"].images.shape[0] * epochs
    seconds_of_training = images / trained.images_per_second
    table = Table(title=f"Cost of checkpoints every {fit.checkpoint_seconds:g} s, tutorial recipe")
    for column in ("data set", "training", "written", "each", "share"):
        table.add_column(column, justify="right")
    each = trained.checkpoint_seconds / max(1, trained.checkpoints)
    table.add_row(
        dataset,
        f"{seconds_of_training:.0f} s",
        str(trained.checkpoints),
        f"{each * 1000:.0f} ms",
        f"{trained.checkpoint_seconds / seconds_of_training:.2%}",
    )
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=52, help="kills over all recipes")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("--data-dir", type=Path, help="local copy of MNIST, for the cost")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
