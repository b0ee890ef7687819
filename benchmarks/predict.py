"""Images per second of prediction, next to Keras' `predict`, ONNX Runtime and a bare loop.

Usage: python benchmarks/predict.py --data-dir DIRECTORY [--rounds 3]
       python benchmarks/predict.py --photos FOLDER [--rounds 3]
       python benchmarks/predict.py --stream 1000000 [--rounds 3]

The tutorial's network as it is exported, from raw uint8 images to probabilities, in batches of
500, each in its own process. The first form predicts the 10,000 test images after a warm-up
pass, with what `evaluate` uses; ONNX Runtime needs the extra `export`.

The second predicts a folder of JPEG files at 28 and 64 pixels with the tutorial's network and at
224 with the one of the recipe `photos` (250 files), as `sightline predict --output` does, and with
a short script: the same libraries decode and scale, Keras or ONNX Runtime predicts, PyArrow writes
the table. It counts the CPU seconds of the second of two passes: no imports, no loading of a model.

The third runs `sightline predict` on one NPY file of made-up images (784 MB for a million) and
compares it with `predict_on_batch` on a memory-mapped array, timed from the loaded model to the
last image.
"""

import functools
import resource
import shutil
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import photo_ingest
from harness import BIN, Comparison, arguments, in_new_process, in_turn, measure, run, scratch, show

BATCH, PASSES = 500, 5
CLASSES = tuple("abcdefghij")
Predict = Callable[[Any], Any]


def export(folder: Path, shape: tuple[int, int, int] = (28, 28, 1), large: int = 224) -> None:
    """Write an untrained network as `.keras` and ONNX: the tutorial's, or that of `photos`."""
    import keras

    from sightline.config import loading
    from sightline.models import backbone, cnn, keras_files
    from sightline.records import ModelMetadata

    if shape[0] < large:
        network = cnn.classifier(shape, len(CLASSES), loading.load("tutorial").model)
    else:
        network, _ = backbone.classifier(shape, len(CLASSES), loading.load("photos").model)
    metadata = ModelMetadata(class_names=CLASSES, image_shape=shape, resize="crop")
    keras_files.export(network, folder / "model.keras", metadata)
    if find_spec("onnxruntime"):
        exported = keras_files.read_model(folder / "model.keras")
        signature = [keras.InputSpec(shape=exported.input_shape, dtype="uint8")]
        path = folder / "model.onnx"
        exported.export(path, format="onnx", verbose=False, input_signature=signature)


def with_evaluate(folder: Path) -> Predict:
    """Return what the stage `evaluate` predicts with."""
    from sightline.evaluation import model_under_test
    from sightline.models import keras_files

    model = keras_files.read_model(folder / "model.keras")
    return lambda images: model_under_test.class_probabilities(model, images, BATCH)


def with_keras(folder: Path) -> Predict:
    """Return Keras' own loop."""
    from sightline.models import keras_files

    model = keras_files.read_model(folder / "model.keras")
    return lambda images: model.predict(images, batch_size=BATCH, verbose=0)


def with_onnx(folder: Path) -> Predict:
    """Return ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = folder / "model.onnx"
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.concatenate(
        [
            session.run(None, {name: images[at : at + BATCH]})[0]
            for at in range(0, len(images), BATCH)
        ]
    )


def images_per_second(way: Callable[[Path], Predict], folder: Path, data_dir: Path) -> float:
    """Predict all test images several times."""
    from plain_keras import read

    images = read(data_dir, "t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
    predict = way(folder)
    predict(images)
    started = time.monotonic()
    for _ in range(PASSES):
        predict(images)
    return PASSES * len(images) / (time.monotonic() - started)


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure all ways in turn."""
    others = {"`model.predict`": with_keras}
    if find_spec("onnxruntime"):
        others["ONNX Runtime"] = with_onnx
    what = f"predict, batch {BATCH}, images/s"
    rows = [Comparison(what, name, higher_is_better=True) for name in others]
    with scratch() as folder:
        in_new_process(export, folder)

        def rate(way: Callable[[Path], Predict]) -> float:
            return in_new_process(images_per_second, way, folder, data_dir)

        return measure(
            rounds,
            rows,
            lambda _: [rate(with_evaluate)] * len(rows),
            lambda _: [rate(way) for way in others.values()],
        )


def photographs_of(data_dir: Path, folder: Path, side: int) -> Path:
    """Return the folder of the photographs, or one with 250 of them for a large network."""
    if side < photo_ingest.SIDES[-1]:
        return data_dir
    some = folder / "photographs"
    some.mkdir(exist_ok=True)
    for number, path in enumerate(sorted(data_dir.rglob("*.jpg"))[:250]):
        shutil.copy(path, some / f"{number}.jpg")
    return some


def with_sightline(folder: Path, photographs: Path) -> float:
    """Predict a folder as the command does in its Keras process; return images a CPU second."""
    from sightline.models import keras_files
    from sightline.prediction import inputs, keras_side
    from sightline.prediction.model import find
    from sightline.prediction.records import Request
    from sightline.storage.workspace import Workspace

    keras_files.read_with_metadata = functools.cache(keras_files.read_with_metadata)
    model = find(Workspace(folder / "artifacts"), str(folder / "model.keras"))

    def work() -> int:
        found = inputs.describe(str(photographs))
        table = str(folder / "predictions.parquet")
        return keras_side.predict(Request(inputs=(found,), model=model, table=table)).images

    work()
    return photo_ingest.rate(work)


def with_script(
    folder: Path, photographs: Path, way: Callable[[Path], Predict], side: int, batch: int
) -> float:
    """Predict a folder with the libraries alone; return images a CPU second."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sightline.data.decoding.parallel import ordered_map

    predict = way(folder)

    def work() -> int:
        paths = sorted(photographs.rglob("*.jpg"))
        decode = functools.partial(photo_ingest.simplejpeg, side=side)
        images, found = ordered_map(decode, paths), []
        while block := list(islice(images, batch)):
            found.append(predict(np.stack(block)))
        probabilities = np.concatenate(found)
        table = {
            "input": [*map(str, paths)],
            "class": probabilities.argmax(axis=1),
            "probability": probabilities.max(axis=1),
        }
        pq.write_table(pa.table(table), folder / "script.parquet")
        return len(paths)

    work()
    return photo_ingest.rate(work)


def compare_photographs(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure the command and the scripts in turn, at all sizes."""
    ways = {"script with Keras": with_evaluate}
    if find_spec("onnxruntime"):
        ways["script with ONNX Runtime"] = with_onnx
    found = []
    for side in photo_ingest.SIDES:
        what = f"predict photographs, {side} px, images/CPU s"
        rows = [Comparison(what, name, higher_is_better=True) for name in ways]
        batch = max(1, min(BATCH, (8 << 20) // (4 * side * side * 3)))  # as Sightline
        with scratch() as folder:
            in_new_process(export, folder, (side, side, 3))
            photographs = photographs_of(data_dir.absolute(), folder, side)
            given = folder, photographs
            found += measure(
                rounds,
                rows,
                lambda _, given=given: [in_new_process(with_sightline, *given)] * len(ways),
                lambda _, given=given, side=side, batch=batch: [
                    in_new_process(with_script, *given, way, side, batch) for way in ways.values()
                ],
            )
    return found


def write_images(folder: Path, count: int, block: int = 10_000) -> None:
    """Write made-up images into one NPY file."""
    from sightline.storage.npy import ArrayWriter

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (block, 28, 28, 1), dtype=np.uint8)
    images[generator.random(images.shape) < 0.8] = 0
    with ArrayWriter(folder / "images.npy", (count, 28, 28, 1), "uint8") as writer:
        for start in range(0, count, block):
            writer.append(images[: count - start])


def bare_loop(folder: Path) -> float:
    """Predict batch by batch and keep nothing; return images per second."""
    from sightline.models import keras_files
    from sightline.storage.npy import open_mapped

    model = keras_files.read_model(folder / "model.keras")
    images = open_mapped(folder / "images.npy")
    started = time.monotonic()
    for at in range(0, len(images), BATCH):
        model.predict_on_batch(np.asarray(images[at : at + BATCH]))
    return len(images) / (time.monotonic() - started)


def stream(count: int, rounds: int) -> list[Comparison]:
    """Measure the command and the bare loop in turn."""
    rate = Comparison("images/s, loaded model to last image", "bare loop", higher_is_better=True)
    total, peak = Comparison("complete command, s"), Comparison("peak memory, MiB")
    with scratch() as folder:
        in_new_process(export, folder)
        write_images(folder, count)
        files = [f"--model={folder}/model.keras", f"--output={folder}/predictions.parquet"]

        def measure_ours(_: int) -> None:
            started = time.monotonic()
            found = run([f"{BIN}/sightline", "predict", f"{folder}/images.npy", *files, "--json"])
            total.ours.append(time.monotonic() - started)
            rate.ours.append(found["images_per_second"])
            peak.ours.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)

        def measure_bare(_: int) -> None:
            rate.theirs.append(in_new_process(bare_loop, folder))

        in_turn(rounds, measure_ours, measure_bare)
    return [rate, total, peak]


if __name__ == "__main__":
    given = arguments(__doc__, rounds=3, stream=0, photos="")
    if given.photos:
        show(compare_photographs(Path(given.photos), given.rounds))
    elif given.stream:
        show(stream(given.stream, given.rounds))
    else:
        show(compare(given.data_dir, given.rounds))
