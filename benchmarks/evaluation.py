"""What the evaluation in depth costs beside the training, part by part.

Usage: python benchmarks/evaluation.py --data-dir DIRECTORY [--recipe tutorial] [--rounds 3]

One training, then the stage evaluate with each of its parts switched off in turn and with all of
them off, in one process; the first evaluation, which imports and builds graphs, is not counted.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sightline.config import loading
from sightline.data import ingest, locate, preprocess
from sightline.evaluation.evaluate import EVALUATE
from sightline.models.build import BUILD
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.training.device import prepare_process
from sightline.training.train import TRAIN

OFF = {
    "robustness": {"robustness_images": 0},
    "saliency": {"saliency_images": 0},
    "doubtful labels": {"label_errors": 1.0},
}
ALL_OFF = {key: value for part in OFF.values() for key, value in part.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--recipe", default="tutorial")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    config = loading.load(asked.recipe)
    prepare_process(config.training)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(id="evaluation", workspace=Workspace(Path(folder)), data_dir=asked.data_dir)
        files = ingest.ingest(run, locate.locate(config.data), config.data)
        arrays = preprocess.preprocess(run, files, config.preprocessing)
        blueprint = keras_process().run(BUILD.function, run, arrays, config.model)
        trained = keras_process().run(TRAIN.function, run, arrays, blueprint, config.training)

        def seconds(number: int, **changes: object) -> float:
            """Evaluate anew, whatever the cache holds."""
            settings = config.evaluation.model_copy(update=changes)
            anew = run.model_copy(update={"id": f"evaluation-{number}", "refresh": True})
            started = time.monotonic()
            keras_process().run(EVALUATE.function, anew, files, arrays, trained, settings)
            return time.monotonic() - started

        seconds(0)
        found: dict[str, list[float]] = {}
        for number in range(1, asked.rounds + 1):
            found.setdefault("all parts", []).append(seconds(number))
            for name, changes in OFF.items():
                found.setdefault(f"without {name}", []).append(seconds(number, **changes))
            found.setdefault("none of them", []).append(seconds(number, **ALL_OFF))
    show(found, trained.fit_seconds or 0.0)


def show(found: dict[str, list[float]], fit_seconds: float) -> None:
    """Print the table; the share is that of what comes on top of the bare evaluation."""
    bare = statistics.median(found["none of them"])
    table = Table("evaluate", "median, s", "range, s", "added, share of the fit")
    for name, values in found.items():
        median = statistics.median(values)
        added = f"{(median - bare) / fit_seconds:.1%}"
        table.add_row(name, f"{median:.2f}", f"{min(values):.2f} to {max(values):.2f}", added)
    console = Console(width=100)
    console.print(table)
    console.print(f"fit: {fit_seconds:.1f} s", markup=False)


if __name__ == "__main__":
    main()
