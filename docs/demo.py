"""Ship a model, from training to rollback, one line a step; docs/shipping.md explains each.

Usage: python docs/demo.py [--data-dir DIRECTORY_OF_MNIST] [--artifacts artifacts/demo]

Uses the full MNIST if its files are there, else the 5,000 embedded images.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace

IMAGES = 100
QUICK = (
    "evaluation.robustness_images=0",
    "evaluation.label_error_threshold=1",
    "report.mistakes=8",
)
FULL = ("fast", "training.examples_per_epoch={}", (6_000, 3_000, 21_600))
SMALL = ("quickstart", "training.epochs={}", (2, 1, 10))
"""Recipe, the key for the training length, and its values: a first, a worse and a better model."""


class Demo:
    """Runs commands under one artifacts root and counts the steps."""

    def __init__(self, root: Path, data_dir: Path | None) -> None:
        """Use the full MNIST if its folder is given."""
        self.root, self._number = root, 0
        self._given = ["--artifacts", str(root)]
        self._recipe, self._length, self.lengths = FULL if data_dir else SMALL
        self._data = ["--dataset", "mnist" if data_dir else "mnist-5k"]
        self.where = ["--data-dir", str(data_dir)] if data_dir else []
        # The first model is trained too briefly to beat a logistic regression.
        self._limits = ["promotion.minimum_accuracy=0.5"]
        # With 100 test images a class, only a large loss of recall is significant.
        self._limits += [] if data_dir else ["promotion.recall_margin=0.1"]

    def say(self, what: str, sentence: str) -> None:
        """Print one numbered step."""
        self._number += 1
        print(f"{self._number}. {what}: {sentence}", flush=True)

    def train(self, what: str, length: int, *, promoted: bool) -> dict[str, Any]:
        """Train for a given length and let the gate decide; exit if the decision is unexpected."""
        settings = [self._length.format(length), *QUICK, *self._limits]
        chosen = [f"--set={setting}" for setting in settings]
        command = ["train", "--recipe", self._recipe, *self._data, *self.where, "--gate=enforce"]
        found = self.json(*command, *chosen)
        promotion = found["promotion"]
        outcome = "is the new champion" if promotion["promoted"] else "is not promoted"
        self.say(what, f"{promotion['version']} {outcome}. {promotion['sentence']}")
        if promotion["promoted"] != promoted:
            raise SystemExit("The gate decided otherwise than this demonstration expects.")
        return found

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command that prints one JSON object."""
        found: dict[str, Any] = json.loads(self.last_line(*arguments, "--json"))
        return found

    def last_line(self, *arguments: str) -> str:
        """Run a command and return its last line; exit with its error if it fails."""
        command = [str(Path(sys.executable).with_name("sightline")), *arguments, *self._given]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip().splitlines()[-1]


def main() -> None:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts/demo"))
    asked = parser.parse_args()
    given = asked.data_dir if asked.data_dir and asked.data_dir.is_dir() else None
    prepare(asked.artifacts)
    demo = Demo(asked.artifacts.resolve(), given)

    first, worse, better = demo.lengths
    demo.train("A first model", first, promoted=True)
    demo.train("A model trained for half as long", worse, promoted=False)
    run = demo.train("A model trained for longer", better, promoted=True)
    demo.say("Exports", ", ".join(exports(demo)))

    folder = demo.root / "scans"
    write_images(demo.root, run["run_id"], folder)
    output = demo.root / "predictions.parquet"
    found = demo.json("predict", str(folder), "--output", str(output), "--abstain-below=0.9")
    counted = f"{found['images']} PNG files, {found['abstained']} left unanswered"
    demo.say("Prediction", f"{counted}, by {found['model']}; {output}")

    demo.say("Rollback", demo.last_line("models", "rollback", "--reason", "demonstration"))
    demo.say("Reproduction", demo.json("reproduce", run["run_id"], *demo.where)["sentence"])
    demo.say("Files", demo.last_line("models", "verify") and f"all intact, in {demo.root}")


def prepare(folder: Path) -> None:
    """Empty the folder of an earlier demonstration; refuse any other folder."""
    mark = folder / ".demo"
    if folder.exists() and any(folder.iterdir()) and not mark.is_file():
        raise SystemExit(
            f"{folder} is not empty and not from a demonstration; choose another folder."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()


def exports(demo: Demo) -> Iterator[str]:
    """Describe the champion's exports."""
    certificate = demo.json("models", "show", "champion")["certificate"]
    for export in certificate["exports"]:
        verdict = "agrees" if export["passed"] else "DIFFERS"
        yield f"{export['format']} {verdict} (to {export['difference']:.0e})"
    yield f"on {certificate['golden_images']:,} test images"


def write_images(root: Path, run_id: str, folder: Path) -> None:
    """Write some test images of a run as PNG files."""
    folder.mkdir()
    images = run_folder.read(Workspace(root), run_id).records.ingest.images["test"]
    for number, image in enumerate(np.load(root / images.path, mmap_mode="r")[:IMAGES]):
        Image.fromarray(image[..., 0]).save(folder / f"{number:03}.png")


if __name__ == "__main__":
    main()
