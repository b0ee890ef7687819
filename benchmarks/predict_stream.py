"""`sightline predict` on a million images beside the bare runtime loop.

Usage: python benchmarks/predict_stream.py [--images 1000000] [--rounds 3]

Writes that many made-up MNIST-like images into one NPY file in a temporary folder (784 MB for a
million) and the tutorial's network, untrained. The bare loop calls `predict_on_batch` on batches of
a memory-mapped array and keeps nothing. Both run in turn, each in processes of its own, and are
timed from the loaded model to the last image; the command is timed as a whole as well. Peak memory
is the largest resident set of the command's processes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from comparison import Comparison, answer, in_turn, show

BATCH = 500
_BLOCK = 10_000
_MIB = 1 << 20


def write(folder: Path, count: int) -> None:
    """Write images and model."""
    from sightline.config import loading
    from sightline.models import cnn, keras_files
    from sightline.storage.npy import ArrayWriter

    generator = np.random.default_rng(0)
    block = generator.integers(0, 256, (_BLOCK, 28, 28, 1), dtype=np.uint8)
    block[generator.random(block.shape) < 0.8] = 0
    with ArrayWriter(folder / "images.npy", (count, 28, 28, 1), "uint8") as writer:
        for start in range(0, count, _BLOCK):
            writer.append(block[: count - start])
    network = cnn.classifier((28, 28, 1), 10, loading.load("tutorial").model)
    keras_files.export(network, folder / "model.keras")


def bare(folder: Path) -> dict[str, float]:
    """Predict batch by batch and keep nothing."""
    from sightline.models import keras_files
    from sightline.storage.npy import open_mapped

    model = keras_files.read_model(folder / "model.keras")
    images = open_mapped(folder / "images.npy")
    started = time.monotonic()
    for at in range(0, len(images), BATCH):
        model.predict_on_batch(np.asarray(images[at : at + BATCH]))
    return {"images_per_second": len(images) / (time.monotonic() - started)}


def stream(folder: Path) -> dict[str, float]:
    """Run the command and look at the largest process below it."""
    command = [
        str(Path(sys.executable).parent / "sightline"),
        "predict",
        str(folder / "images.npy"),
        f"--model={folder / 'model.keras'}",
        f"--output={folder / 'predictions.parquet'}",
        "--json",
    ]
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "images_per_second": json.loads(done.stdout)["images_per_second"],
        "seconds": time.monotonic() - started,
        "peak": peak / _MIB,
    }


def compare(count: int, rounds: int) -> list[Comparison]:
    """Measure both in turn."""
    rate = Comparison("images/s, loaded model to last image", "bare loop", more_is_better=True)
    whole, peak = Comparison("whole command, s"), Comparison("peak memory, MiB")
    with tempfile.TemporaryDirectory() as folder:
        answer([sys.executable, __file__, "write", folder, str(count)])

        def measure(way: str) -> None:
            found = answer([sys.executable, __file__, way, folder])
            (rate.ours if way == "stream" else rate.theirs).append(found["images_per_second"])
            if way == "stream":
                whole.ours.append(found["seconds"])
                peak.ours.append(found["peak"])

        in_turn(rounds, lambda _: measure("stream"), lambda _: measure("bare"))
    return [rate, whole, peak]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{asked.images:,} images of 28x28, {os.cpu_count()} cores")
    show(compare(asked.images, asked.rounds))


if __name__ == "__main__":
    match sys.argv[1:2]:
        case ["write"]:
            write(Path(sys.argv[2]), int(sys.argv[3]))
            print("{}")
        case ["bare"]:
            print(json.dumps(bare(Path(sys.argv[2]))))
        case ["stream"]:
            print(json.dumps(stream(Path(sys.argv[2]))))
        case _:
            main()
