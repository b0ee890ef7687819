"""Does `labels suggest` beat chance? MNIST with few labels, and as many chosen or drawn ones more.

Usage: python benchmarks/label_next.py --data-dir DIRECTORY [--seeds 10] [--first 0] [--start 200]
           [--count 200] [--pool 5000] [--trainings 4] [--perceptron]

DIRECTORY has the four IDX files of MNIST. Each seed draws other labelled images and another pool.
A network of the recipe `quickstart` is trained on the first images (40 epochs), then from scratch
on these and as many more, chosen by `labels suggest` or drawn at random: several times, with other
initial weights, since a training on so few images depends on chance. Accuracies are those on the
10,000 test images, and means of the trainings. The difference has its 95 % interval over the seeds,
by a t-test of the pairs. CPU seconds are those of a suggestion, without starting the process that
runs Keras.

With --perceptron, the network is one of scikit-learn with one hidden layer of 64 units, whose
outputs are the features: it is trained in a second, so that many seeds can be measured, also with
the most uncertain images alone. Of `labels suggest`, this measures the choice alone.
"""

import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import arguments, fit, print_rows, scratch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import ttest_1samp

Rows = NDArray[np.int64]

STRATEGIES = ("start", "suggested", "random")
EPOCHS = 40
COLUMNS = ("", "labels", "accuracy, %", "above random, points (95 %)", "CPU s to choose")


def read(data_dir: Path, root: Path) -> dict[str, NDArray[Any]]:
    """Read MNIST: uint8 images (n, 28, 28) and labels."""
    from sightline.config import DataConfig
    from sightline.data import ingest, label_table, locate
    from sightline.records import Run
    from sightline.storage.npy import open_mapped
    from sightline.storage.workspace import Workspace

    run = Run(id="read", workspace=Workspace(root / "read"), data_dir=data_dir)
    config = DataConfig(dataset="mnist")
    files = ingest.ingest(run, locate.locate(config), config)
    found: dict[str, NDArray[Any]] = {}
    for split in ("train", "test"):
        found[f"x_{split}"] = open_mapped(run.workspace.root / files.images[split].path)[..., 0]
        found[f"y_{split}"] = label_table.read_labels(run.workspace, files, split)
    return found


def draw_start(labels: NDArray[Any], count: int, drawn: np.random.Generator) -> Rows:
    """Draw equally many images of each class."""
    each = [drawn.choice(np.flatnonzero(labels == one), count // 10, False) for one in range(10)]
    return np.concatenate(each)


def train(mnist: dict[str, NDArray[Any]], rows: Rows, seed: int, root: Path) -> tuple[Any, ...]:
    """Train on some rows; return the run, its data, the model and the test accuracy."""
    from sightline.config import loading
    from sightline.evaluation.model_under_test import class_probabilities
    from sightline.models import keras_files
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    root.mkdir(parents=True)
    arrays = {"x_train": mnist["x_train"][rows], "y_train": mnist["y_train"][rows]}
    arrays |= {"x_test": mnist["x_test"][:100], "y_test": mnist["y_test"][:100]}
    np.savez(root / "data.npz", **arrays)
    settings = [f"training.seed={seed}", f"training.epochs={EPOCHS}"]
    config = loading.load("quickstart", overrides=settings, dataset=str(root / "data.npz"))
    run = Run(id="label-next", workspace=Workspace(root / "artifacts"))
    files, _, trained = fit(run, config, lambda function, *inputs: function(*inputs))
    model = keras_files.read_model(run.workspace.root / trained.model.path)
    predicted = class_probabilities(model, mnist["x_test"][..., np.newaxis], 500).argmax(axis=1)
    return run, files, trained, float((predicted == mnist["y_test"]).mean())


def suggest(
    pool: Path, run: Any, files: Any, trained: Any, count: int, seed: int
) -> tuple[Rows, float]:
    """Return the rows of a suggestion, and its CPU seconds."""
    from sightline.prediction.active_learning import suggest as suggestion
    from sightline.prediction.active_learning.records import SuggestionRequest
    from sightline.prediction.inputs import describe
    from sightline.prediction.records import ServedModel
    from sightline.records import ModelMetadata

    request = SuggestionRequest(
        inputs=(describe(str(pool)),),
        model=ServedModel(
            name="label-next",
            path=str(run.workspace.root / trained.model.path),
            sha256=trained.model.sha256,
            metadata=ModelMetadata.of(files),
        ),
        count=count,
        seed=seed,
        known=files,
        shard_images=10**6,
    )
    started = time.process_time()
    found = suggestion.suggest_request(run, request)
    seconds = time.process_time() - started
    return np.array([int(Path(one.path).stem) for one in found.images]), seconds


def measure_seed(
    mnist: dict[str, NDArray[Any]], given: Any, seed: int, root: Path
) -> dict[str, tuple[float, float]]:
    """Return accuracy and CPU seconds to choose, for each strategy."""
    drawn = np.random.default_rng(seed)
    start = draw_start(mnist["y_train"], given.start, drawn)
    others = np.setdiff1d(np.arange(len(mnist["y_train"])), start)
    pool = drawn.choice(others, given.pool, replace=False)
    (root / "pool").mkdir(parents=True)
    for row in pool:
        Image.fromarray(mnist["x_train"][row]).save(root / "pool" / f"{row}.png", compress_level=1)
    run, files, trained, accuracy = train(mnist, start, seed, root / "start")
    chosen, seconds = suggest(root / "pool", run, files, trained, given.count, seed)
    found = {"start": (accuracy, 0.0)}
    random = drawn.choice(pool, given.count, replace=False)
    more = dict(zip(STRATEGIES[1:], (chosen, random), strict=True))
    for name, rows in more.items():
        trained_on = np.concatenate([start, rows])
        accuracies = [
            train(mnist, trained_on, seed + 1000 * number, root / f"{name}{number}")[-1]
            for number in range(given.trainings)
        ]
        found[name] = (statistics.mean(accuracies), seconds if name == "suggested" else 0.0)
        print(f"seed {seed}, {name}: {accuracies}", flush=True)
    return found


def measure_perceptron(
    mnist: dict[str, NDArray[Any]], given: Any, seed: int
) -> dict[str, tuple[float, float]]:
    """Return accuracy and CPU seconds to choose, for each strategy."""
    from sightline.prediction.active_learning.choice import PREFILTER, choose

    drawn = np.random.default_rng(seed)
    start = draw_start(mnist["y_train"], given.start, drawn)
    others = np.setdiff1d(np.arange(len(mnist["y_train"])), start)
    pool = drawn.choice(others, given.pool, replace=False)
    accuracy, network = fit_perceptron(mnist, start, seed)
    pixels = flat(mnist["x_train"][pool])
    ordered = np.sort(network.predict_proba(pixels), axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    uncertain = np.argsort(margins, kind="stable")[: PREFILTER * given.count]
    hidden = np.maximum(pixels[uncertain] @ network.coefs_[0] + network.intercepts_[0], 0)
    started = time.process_time()
    places = choose(hidden.astype(np.float32), margins[uncertain], given.count, seed)
    seconds = time.process_time() - started
    found = {"start": (accuracy, 0.0)}
    more = {
        "suggested": uncertain[places],
        "most uncertain": uncertain[: given.count],
        "random": drawn.choice(given.pool, given.count, replace=False),
    }
    for name, chosen in more.items():
        accuracy, _ = fit_perceptron(mnist, np.concatenate([start, pool[chosen]]), seed)
        found[name] = (accuracy, seconds if name == "suggested" else 0.0)
    return found


def fit_perceptron(mnist: dict[str, NDArray[Any]], rows: Rows, seed: int) -> tuple[float, Any]:
    """Train on some rows; return the test accuracy and the network."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    settings = {"batch_size": 16, "learning_rate_init": 2e-3, "max_iter": 60}
    network = MLPClassifier((64,), random_state=seed, **settings)
    with threadpool_limits(1), warnings.catch_warnings():  # more threads only wait here
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(flat(mnist["x_train"][rows]), mnist["y_train"][rows])
    return network.score(flat(mnist["x_test"]), mnist["y_test"]), network


def flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as rows of numbers in [0, 1]."""
    return images.reshape(len(images), -1) / np.float32(255)


def rows(given: Any, found: Sequence[dict[str, tuple[float, float]]]) -> Iterator[Sequence[str]]:
    """Yield the rows of the table: means over the seeds."""
    for name in found[0]:
        accuracies = [100 * one[name][0] for one in found]
        above = [100 * (one[name][0] - one["random"][0]) for one in found]
        interval = ""
        if name != "random":
            low, high = ttest_1samp(above, 0).confidence_interval()
            interval = f"{statistics.mean(above):+.2f} ({low:+.2f} to {high:+.2f})"
        seconds = statistics.mean(one[name][1] for one in found)
        labels = given.start + (given.count if name != "start" else 0)
        yield (
            *(name, str(labels), f"{statistics.mean(accuracies):.2f}"),
            interval,
            f"{seconds:.1f}" if seconds else "",
        )


def main() -> None:
    """Measure and print a Markdown table."""
    others = {"trainings": 4, "perceptron": False}
    given = arguments(__doc__, seeds=10, first=0, start=200, count=200, pool=5000, **others)
    seeds = range(given.first, given.first + given.seeds)
    with scratch() as root:
        mnist = read(given.data_dir, root)
        if given.perceptron:
            found = [measure_perceptron(mnist, given, seed) for seed in seeds]
        else:
            found = [measure_seed(mnist, given, seed, root / str(seed)) for seed in seeds]
    print_rows(COLUMNS, rows(given, found))


if __name__ == "__main__":
    main()
