"""The cost of the in-depth evaluation, part by part, as a share of the training.

Usage: python benchmarks/evaluation.py --data-dir DIRECTORY [--recipe tutorial] [--rounds 3]

One training, then the stage evaluate with all parts, without each of them in turn, and without all
of them, in one process. A first evaluation warms up.
"""

import statistics
import time

from harness import arguments, fit, print_rows, scratch

from sightline.config import loading
from sightline.evaluation.evaluate import EVALUATE
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage.workspace import Workspace

PARTS: dict[str, dict[str, float]] = {
    "robustness": {"robustness_images": 0},
    "saliency": {"saliency_images": 0},
    "label errors": {"label_error_threshold": 1.0},
}
VARIANTS = {
    "all parts": {},
    **{f"without {name}": changes for name, changes in PARTS.items()},
    "none of them": {key: value for part in PARTS.values() for key, value in part.items()},
}


if __name__ == "__main__":
    given = arguments(__doc__, recipe="tutorial", rounds=3)
    config = loading.load(given.recipe)
    with scratch() as root:
        run = Run(id="evaluation", workspace=Workspace(root), data_dir=given.data_dir, refresh=True)
        files, arrays, trained = fit(run, config)

        def seconds(number: int, changes: dict[str, float]) -> float:
            """Evaluate once without the cache and time it."""
            settings = config.evaluation.model_copy(update=changes)
            again = run.model_copy(update={"id": f"evaluation-{number}"})
            started = time.monotonic()
            keras_process().run(EVALUATE.function, again, files, arrays, trained, settings)
            return time.monotonic() - started

        seconds(0, {})
        found: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for number in range(1, given.rounds + 1):
            for name, changes in VARIANTS.items():
                found[name].append(seconds(number, changes))
    medians = {name: statistics.median(values) for name, values in found.items()}
    bare, fit_seconds = medians["none of them"], trained.fit_seconds or float("nan")
    rows = (
        (name, f"{median:.2f}", f"{(median - bare) / fit_seconds:.1%}")
        for name, median in medians.items()
    )
    print_rows(("evaluate", "median, s", f"added, share of {fit_seconds:.1f} s of fit"), rows)
