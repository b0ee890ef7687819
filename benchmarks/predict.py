"""Images a second of prediction: the evaluation's way, Keras' `predict` and ONNX Runtime.

Usage: python benchmarks/predict.py --data-dir DIRECTORY [--rounds 3]

The tutorial's network as it is exported, from raw uint8 images to probabilities, the 10,000 test
images in batches of 500, after a first pass that does not count; each way in a process of its own.
ONNX Runtime is left out where it is not installed (extra `export`).
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from comparison import Comparison, answer, in_turn, main

BATCH, PASSES = 500, 5


def export(folder: Path) -> None:
    """Write the tutorial's network, untrained, as `.keras` and ONNX."""
    import keras

    from sightline.config import loading
    from sightline.models import cnn, keras_files

    network = cnn.classifier((28, 28, 1), 10, loading.load("tutorial").model)
    keras_files.export(network, folder / "model.keras")
    if find_spec("onnxruntime"):
        exported = keras_files.read_model(folder / "model.keras")
        signature = [keras.InputSpec(shape=exported.input_shape, dtype="uint8")]
        path = folder / "model.onnx"
        exported.export(path, format="onnx", verbose=False, input_signature=signature)


def evaluation_way(folder: Path) -> Callable[[Any], Any]:
    """Return what the stage `evaluate` predicts with."""
    from sightline.evaluation import model_under_test
    from sightline.models import keras_files

    model = keras_files.read_model(folder / "model.keras")
    return lambda images: model_under_test.class_probabilities(model, images, BATCH)


def keras_way(folder: Path) -> Callable[[Any], Any]:
    """Return Keras' own loop."""
    from sightline.models import keras_files

    model = keras_files.read_model(folder / "model.keras")
    return lambda images: model.predict(images, batch_size=BATCH, verbose=0)


def onnx_way(folder: Path) -> Callable[[Any], Any]:
    """Return ONNX Runtime on the CPU, a batch at a time."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    starts = range(0, 10_000, BATCH)
    return lambda images: np.concatenate(
        [session.run(None, {name: images[at : at + BATCH]})[0] for at in starts]
    )


WAYS = {"sightline": evaluation_way, "keras": keras_way, "onnx": onnx_way}


def images_per_second(way: str, folder: Path, data_dir: Path) -> float:
    """Predict all test images several times."""
    from plain_keras import read

    images = read(data_dir, "t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
    predict = WAYS[way](folder)
    predict(images)
    started = time.monotonic()
    for _ in range(PASSES):
        predict(images)
    return PASSES * len(images) / (time.monotonic() - started)


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure all in turn."""
    others = {"keras": "model.predict"} | (
        {"onnx": "ONNX Runtime"} if find_spec("onnxruntime") else {}
    )
    rows = {
        way: Comparison(f"predict, batch {BATCH}, images/s", name, more_is_better=True)
        for way, name in others.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        answer([sys.executable, __file__, "export", folder])

        def measure(way: str) -> None:
            command = [sys.executable, __file__, way, folder, str(data_dir)]
            found = answer(command)["images_per_second"]
            for row in rows.values() if way == "sightline" else [rows[way]]:
                (row.ours if way == "sightline" else row.theirs).append(found)

        in_turn(rounds, *(lambda _, way=way: measure(way) for way in ("sightline", *others)))
    return list(rows.values())


def work(way: str, *folders: str) -> dict[str, float]:
    """Do one process's part."""
    if way == "export":
        export(Path(*folders))
        return {}
    return {"images_per_second": images_per_second(way, *map(Path, folders))}


if __name__ == "__main__":
    if sys.argv[1] in {"export", *WAYS}:
        print(json.dumps(work(*sys.argv[1:])))
    else:
        main(__doc__, compare, rounds=3)
