"""Kill trainings at random moments and compare the results; measure the cost of checkpoints.

Usage: python benchmarks/resume.py [--kills 52] [--seed 0] [--mnist --data-dir DIRECTORY]

A training runs in its own process and is killed with SIGKILL at random moments until it reaches
its end. Then the digests of weights, optimizer and seed generators are compared with those of an
uninterrupted training. Checkpoints are written every five steps. The cost is measured with the
default interval on `mnist-5k`, or with `--mnist` on all of MNIST. Exit code 1 if a digest
differs.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from harness import Fit, arguments, fit, print_rows, scratch

from sightline.config import loading
from sightline.records import Run
from sightline.storage import files
from sightline.storage.workspace import Workspace
from sightline.training.checkpoints import Checkpoints

WARP = "training.augmentation={rotation=0.05, translation=0.1, zoom=0.1, shear=0.1, elastic=0.02}"
DROPOUT = "model.dropout=0.3"
RECIPES = {
    "tutorial": (),
    "dropout": (DROPOUT,),
    "augmentation": (WARP, "training.schedule=cosine"),
    "both, best weights": (DROPOUT, WARP, "training.keep_weights=best"),
}
"""What each changes in the recipe `tutorial`."""


class Training:
    """A training in its own process, which prints every step and finally the digests."""

    def __init__(self, root: Path, recipe: str) -> None:
        """Start it and wait for the first step."""
        command = [sys.executable, __file__, "--work", str(root), recipe]
        pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=pipe, stderr=quiet, text=True)
        self._first = next(iter(self._process.stdout or ()), "")
        self._started = time.monotonic()

    def end(self, *, kill: bool = False) -> tuple[int, str, float]:
        """Wait for the end or kill it; return its last step, the digests and the seconds."""
        if kill:
            self._process.kill()
        lines = (self._first + self._process.communicate()[0]).splitlines()
        found = dict(line.split(" ", 1) for line in lines)
        if not kill and "digests" not in found:
            raise SystemExit(f"The training ended with {self._process.returncode}.")
        seconds = time.monotonic() - self._started
        return int(found.get("step", 0)), found.get("digests", ""), seconds


@dataclass
class Tally:
    """The kills of one recipe, and what became of its trainings."""

    kills: int = 0
    during_writes: int = 0
    damaged: int = 0
    trainings: int = 0
    equal: int = 0
    lost: list[int] = field(default_factory=list)

    def kill_trainings(self, root: Path, recipe: str, kills: int, rng: np.random.Generator) -> None:
        """Kill trainings that many times, and let the last one end."""
        _, expected, seconds = Training(root / "undisturbed", recipe).end()
        while self.kills < kills:
            folder = root / str(self.trainings)
            while self.kills < kills:
                training = Training(folder, recipe)
                time.sleep(rng.uniform(0, seconds / 2))  # several kills a training
                steps, digests, _ = training.end(kill=True)
                if digests:
                    break
                self.kills += 1
                self._inspect(folder, steps)
            self.trainings += 1
            self.equal += Training(folder, recipe).end()[1] == expected

    def _inspect(self, root: Path, steps: int) -> None:
        folder = next((root / "checkpoints").glob("[0-9a-f]*"), None)
        if folder is None:  # killed before the first checkpoint
            self.lost.append(steps)
            return
        self.during_writes += bool(files.leftovers(folder))
        before = len(list(folder.glob("checkpoint-*")))
        newest = Checkpoints(Workspace(root), folder.name).newest()
        self.damaged += before - len(list(folder.glob("checkpoint-*")))
        self.lost.append(steps - (newest.position.steps if newest else 0))

    def row(self, recipe: str) -> tuple[object, ...]:
        """Return the row of the table."""
        lost = f"median {statistics.median(self.lost):g}, most {max(self.lost)}"
        equal = f"{self.equal} of {self.trainings}"
        return recipe, self.kills, self.during_writes, self.damaged, equal, lost


def work(root: Path, recipe: str) -> None:
    """Train in this process; print every step and finally the digests."""
    from sightline.pipeline.progress import Progress, listening
    from sightline.training import history

    history._REPORT_INTERVAL = 0  # every step

    def report(progress: Progress) -> None:
        if progress.stage == "train" and progress.total and progress.epoch:
            print("step", (progress.epoch - 1) * progress.total + progress.done, flush=True)

    run = Run(id="run", workspace=Workspace(root))
    changes = ("training.epochs=4", "training.checkpoint_steps=5", *RECIPES[recipe])
    with listening(report):
        *_, trained = train(run, "mnist-5k", *changes)
    print("digests", trained.weights_sha256, trained.optimizer_sha256, trained.seeds_sha256)


def train(run: Run, dataset: str, *changes: str) -> Fit:
    """Train the recipe `tutorial` in this process, with some changes."""
    overrides = ("preprocessing.validation_fraction=0.1", *changes)
    config = loading.load("tutorial", overrides=overrides, dataset=dataset)
    return fit(run, config, call=lambda function, *given: function(*given))


def cost(folder: Path, data_dir: Path | None) -> tuple[str, ...]:
    """Train with the default interval; return what the checkpoints cost."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run = Run(id="cost", workspace=Workspace(folder / "cost"), data_dir=data_dir)
    dataset, epochs = ("mnist", 3) if data_dir else ("mnist-5k", 40)
    _, arrays, trained = train(run, dataset, f"training.epochs={epochs}")
    images = arrays.splits["train"].count * epochs
    seconds, spent = images / trained.images_per_second, trained.checkpoint_seconds
    each = f"{1000 * spent / max(1, trained.checkpoints):.0f} ms"
    return dataset, f"{seconds:.0f} s", str(trained.checkpoints), each, f"{spent / seconds:.2%}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]), sys.argv[3])
        sys.exit()
    given = arguments(__doc__, kills=52, seed=0, mnist=False)
    tallies = {recipe: Tally() for recipe in RECIPES}
    rng = np.random.default_rng(given.seed)
    with scratch() as folder:
        for recipe, tally in tallies.items():
            share = -(-given.kills // len(RECIPES))
            tally.kill_trainings(folder / recipe.replace(" ", "-"), recipe, share, rng)
        head = ("recipe", "kills", "during a write", "damaged checkpoints", "equal", "steps lost")
        print_rows(head, (tally.row(recipe) for recipe, tally in tallies.items()))
        row = cost(folder, given.data_dir if given.mnist else None)
        print_rows(("checkpoints of", "training", "written", "each", "share"), [row])
    sys.exit(any(tally.equal < tally.trainings for tally in tallies.values()))
