"""The programs of docs/shipping.md predict what `sightline predict` does."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow.parquet as pq
import pytest

import photographs
import processes
import snippets
from command import execute, invoke
from model_to_export import classifier
from sightline.config import ExportConfig
from sightline.export import child_process
from sightline.export.formats import FORMATS
from sightline.models import keras_files
from sightline.pipeline.process import keras_process
from sightline.records import ModelMetadata
from sightline.storage import digests

RESIZES = ("stretch", "crop", "letterbox")
NAMES = ("Äpfel", "pears & <b>plums</b>", "nuts")
SHAPE = (40, 32, 3)
TOLERANCE = ExportConfig().tolerance
SERVING = "http://localhost:8501"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return photographs.write(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Folders as of a version, with a model that stretches, one that crops, one of letterboxes."""
    folder = tmp_path_factory.mktemp("versions")
    network, plain = classifier(SHAPE, len(NAMES)), folder / "model.keras"
    keras_files.export(network, plain)
    arguments = (str(plain), digests.sha256(plain), str(folder))
    converted = [name for name, one in FORMATS.items() if one.convert]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: child_process.run("convert", *arguments, name), converted))
    found = {}
    for resize in RESIZES:
        metadata = ModelMetadata(class_names=NAMES, image_shape=SHAPE, resize=resize)
        found[resize] = folder / resize
        (found[resize] / "exports").mkdir(parents=True)
        keras_files.export(network, found[resize] / "model.keras", metadata)
        for name in converted:
            path = found[resize] / "exports" / FORMATS[name].file
            copy = shutil.copytree if name == "saved_model" else shutil.copy
            copy(folder / path.name, path)
            FORMATS[name].write_metadata(path, metadata.model_dump_json())
    return found


@pytest.fixture(scope="module")
def predicted(versions, photos, tmp_path_factory):
    """What the command finds, with nothing but a copy of the model file."""
    folder, found = tmp_path_factory.mktemp("predicted"), {}
    for resize, version in versions.items():
        model = shutil.copy(version / "model.keras", folder / f"{resize}.keras")
        table = folder / f"{resize}.parquet"
        done = invoke("predict", *map(str, photos), f"--model={model}", f"--output={table}")
        assert done.returncode == 0, done.stderr
        assert any(name in done.stdout for name in NAMES)
        found[resize] = pq.read_table(table).select(["label", "probability"]).to_pylist()
    keras_process().close()
    return found


def test_photographs_distinguish_the_ways_to_resize(predicted):
    for name, other in (("stretch", "crop"), ("crop", "letterbox"), ("letterbox", "stretch")):
        pairs = zip(predicted[name], predicted[other], strict=True)
        assert all(abs(a["probability"] - b["probability"]) > 100 * TOLERANCE for a, b in pairs)


@contextmanager
def serving(model):
    """Answer requests as TensorFlow Serving does, with the signature of a SavedModel."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/models/sightline:predict"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            images = tf.constant(body["instances"], tf.uint8)
            (outputs,) = loaded.signatures["serving_default"](images).values()
            answer = json.dumps({"predictions": outputs.numpy().tolist()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            """Stay silent."""

    with processes.serving(HTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


def run_in_folders(code, versions, photos, tmp_path):
    """Run a program for each version and each photograph, in a folder with both."""
    program = tmp_path / "program.py"
    program.write_text(code, encoding="utf-8")
    folders = []
    for resize, version in versions.items():
        for photo in photos:
            folders.append(tmp_path / f"{resize}-{photo.stem}")
            folders[-1].mkdir()
            for one in version.iterdir():
                (folders[-1] / one.name).symlink_to(one)
            (folders[-1] / "photo.jpg").symlink_to(photo)
    done = execute(sys.executable, snippets.__file__, program, *folders)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("runtime", ["Keras", "ONNX Runtime", "LiteRT", "TensorFlow Serving"])
def test_program_of_the_documentation_agrees_with_the_command(
    runtime, versions, photos, predicted, tmp_path
):
    code = snippets.read()[runtime]
    lines = [line for line in code.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(lines) <= 5
    if runtime == "TensorFlow Serving":
        assert SERVING in code
        with serving(versions["crop"] / "exports" / "saved_model") as address:
            found = run_in_folders(code.replace(SERVING, address), versions, photos, tmp_path)
    else:
        found = run_in_folders(code, versions, photos, tmp_path)
    expected = [row for resize in RESIZES for row in predicted[resize]]
    assert len(found) == len(expected) == len(RESIZES) * len(photos)
    for one, row in zip(found, expected, strict=True):
        assert one["printed"] == row["label"] + "\n"
        assert len(one["probabilities"]) == len(NAMES)
        assert max(one["probabilities"]) == pytest.approx(row["probability"], abs=TOLERANCE)
