"""The recipes on a GPU: images a second, time to 98.52 and 99 %, share of the device's peak.

Usage: [KERAS_BACKEND=jax] python benchmarks/gpu.py --data-dir DIRECTORY [--device gpu] [--rounds 3]

The backend is the one that Keras is told to use. The time is that of fit, graph building included.
The peak is measured on the same device: products of 4096x4096 matrices in float32 and in bfloat16.
A training step is counted as three times the multiplications and additions of the convolutions and
dense layers of one pass forward. To 98.52 and 99 % `fast` is trained for more and more images; the
least time at which the median over the rounds (a seed each) is there counts.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from comparison import Comparison, answer, output, show

BIN = Path(sys.executable).parent
GOALS = (98.52, 99.0)
EXAMPLES = (21_600, 43_200, 86_400, 172_800)

PEAK = """
import json, sys, time
import keras
device, size = sys.argv[1], 4096
found = {}
with keras.device(f"{device}:0"):
    for dtype in ("float32", "bfloat16"):
        matrix = keras.ops.cast(keras.random.normal((size, size)), dtype)
        def multiply(times):
            started, product = time.monotonic(), matrix
            for _ in range(times):
                product = keras.ops.matmul(matrix, product) / size
            float(keras.ops.cast(product[0, 0], "float32"))  # waits for the device
            return time.monotonic() - started
        multiply(2)
        times = 100 if device == "gpu" else 4
        found[dtype] = 2 * size**3 * times / min(multiply(times) for _ in range(3))
print(json.dumps(found))
"""


def train(root: Path, asked: argparse.Namespace, recipe: str, **changes: object) -> dict[str, Any]:
    """Train a recipe and return the records of its manifest."""
    wanted = {"device": asked.device, **changes}
    settings = [f"--set=training.{key}={value}" for key, value in wanted.items()]
    command = [f"{BIN}/sightline", "train", f"--recipe={recipe}", "--refresh", "--json", *settings]
    run = answer(
        [*command, f"--data-dir={asked.data_dir}", f"--artifacts={root}/artifacts"],
        PREFECT_HOME=f"{root}/prefect",
    )
    found: dict[str, Any] = json.loads(Path(run["run_dir"], "manifest.json").read_text())
    return found["records"]


def operations(records: dict[str, Any]) -> int:
    """Count the floating-point operations of one training image: forward, and twice that back."""
    total, channels = 0, records["build"]["image_shape"][-1]
    for layer in records["build"]["layers"]:
        *places, width = layer["output_shape"]
        if layer["kind"] == "Conv2D":
            total += 2 * 9 * channels * width * places[0] * places[1]
        elif layer["kind"] == "Dense":
            total += 2 * channels * width
        channels = width
    return 3 * total


def throughput(root: Path, asked: argparse.Namespace, recipe: str) -> list[Comparison]:
    """Measure the last epoch of three, beside the peak."""
    rate = Comparison(f"{recipe}: fit, images/s", more_is_better=True)
    work = Comparison(f"{recipe}: TFLOP/s", "matrix products", more_is_better=True)
    for seed in range(asked.rounds):
        peak = answer([sys.executable, "-c", PEAK, asked.device])
        records = train(root, asked, recipe, epochs=3, examples_per_epoch=60_000, seed=seed)
        trained = records["train"]
        history = pq.read_table(root / "artifacts" / trained["history"]["path"])
        rate.ours.append(history["images_per_second"].to_pylist()[-1])
        work.ours.append(rate.ours[-1] * operations(records) / 1e12)
        work.theirs.append(peak[trained["environment"]["precision"]] / 1e12)
    return [rate, work]


def times(root: Path, asked: argparse.Namespace) -> list[Comparison]:
    """Find the least time of `fast` to each goal."""
    rows = [Comparison(f"fast: fit to {goal} %, s") for goal in GOALS]
    for examples in EXAMPLES:
        runs = [
            train(root, asked, "fast", examples_per_epoch=examples, seed=seed)
            for seed in range(asked.rounds)
        ]
        reached = statistics.median(100 * run["evaluate"]["accuracy"] for run in runs)
        for goal, row in zip(GOALS, rows, strict=True):
            if reached >= goal and not row.ours:
                row.ours.extend(run["train"]["fit_seconds"] for run in runs)
        if all(row.ours for row in rows):
            break
    return rows


def main() -> None:
    """Measure and print; end with a sentence where there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    question = f"import keras; print(len(keras.distribution.list_devices('{asked.device}')))"
    try:
        seen = int(output([sys.executable, "-c", question]).split()[-1])
    except SystemExit:  # so says JAX that there is none
        seen = 0
    if not seen:
        raise SystemExit(f"The backend {backend} sees no {asked.device}: nothing was measured.")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = [*throughput(root, asked, "tutorial"), *throughput(root, asked, "fast")]
        rows += times(root, asked)
        print(f"{backend}, {train(root, asked, 'fast')['train']['device']}")
    show(rows)


if __name__ == "__main__":
    main()
