"""Registered versions with real models and certified exports, made without training."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray

import made_runs
import paired_answers
import runs_to_promote
from sightline import registry
from sightline.config import Resize
from sightline.data.readers.base import Shape
from sightline.data.scaling import SCALE
from sightline.experiments import run_folder
from sightline.export.formats import FORMATS
from sightline.export.metadata import write_onnx
from sightline.models import keras_files
from sightline.records import DatasetFiles, ModelMetadata
from sightline.registry import Version
from sightline.storage.workspace import Workspace

NAMES = ("Äpfel", "pears & <b>plums</b>", "nuts")
COLOR, GRAY = (40, 32, 3), (12, 12, 1)
DATASET = "fruit"
VERSIONS = tuple(f"{DATASET}-v{number}" for number in range(1, 5))


@dataclass(frozen=True)
class Exported:
    """A `.keras` file and its ONNX file without metadata, which any way to resize can share."""

    keras: Path
    onnx: Path
    shape: Shape


def export(folder: Path, shape: Shape, seed: int = 0) -> Exported:
    """Write a linear classifier with random weights in both formats; conversion takes seconds."""
    folder = folder / f"{'-'.join(map(str, shape))}-{seed}"
    folder.mkdir(parents=True)
    exported = Exported(folder / "model.keras", folder / FORMATS["onnx"].file, shape)
    pixels = math.prod(shape)
    weights = np.random.default_rng(seed).normal(0, 2 / math.sqrt(pixels), (pixels, len(NAMES)))
    softmax = keras.layers.Dense(len(NAMES), activation="softmax", use_bias=False)
    network = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), softmax])
    softmax.kernel.assign(weights)
    keras_files.export(network, exported.keras)
    onnx.save(_graph(weights.astype(np.float32), shape), exported.onnx)
    return exported


def _graph(weights: NDArray[np.float32], shape: Shape) -> Any:
    constants = {"scale": SCALE, "rows": np.array([-1, len(weights)]), "weights": weights}
    steps = [
        ("Cast", ["pixels"], {"to": onnx.TensorProto.FLOAT}),
        ("Mul", ["Cast", "scale"], {}),
        ("Reshape", ["Mul", "rows"], {}),
        ("MatMul", ["Reshape", "weights"], {}),
        ("Softmax", ["MatMul"], {"axis": 1}),
    ]
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(name, given, [name], **more) for name, given, more in steps],
        "classifier",
        [info("pixels", onnx.TensorProto.UINT8, [None, *shape])],
        [info("Softmax", onnx.TensorProto.FLOAT, [None, len(NAMES)])],
        [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)


def register(
    workspace: Workspace, run_id: str, exported: Exported, resize: Resize = "stretch"
) -> Version:
    """Publish a run with a model, and register it as the candidate."""
    files = DatasetFiles(
        dataset=DATASET,
        source=DATASET,
        class_names=NAMES,
        image_shape=exported.shape,
        resize=resize,
        images={name: runs_to_promote.images(DATASET, name) for name in ("train", "test")},
        labels=made_runs.ANY_FILE,
        counts={"train": (4, 4, 4), "test": (4, 4, 4)},
    )
    metadata = ModelMetadata.of(files)
    folder = run_folder.folder(workspace, run_id)
    folder.mkdir(parents=True)
    model = folder / "model.keras"
    network = keras_files.without_preprocessing(keras_files.read_model(exported.keras))
    keras_files.export(network, model, metadata)
    entry = f"cache/export/{runs_to_promote.digest(run_id)[:40]}"
    cached = f"{entry}/exports/"
    file = workspace.path(cached) / exported.onnx.name
    file.parent.mkdir(parents=True)
    shutil.copy(exported.onnx, file)
    write_onnx(file, metadata.model_dump_json())
    trained = made_runs.trained(weights_sha256=runs_to_promote.digest(run_id))
    check = paired_answers.export_check("onnx", 1e-7, made_runs.file_record(file, cached))
    certificate = paired_answers.certificate().model_copy(
        update={
            "model_sha256": made_runs.file_record(model).sha256,
            "weights_sha256": trained.weights_sha256,
            "exports": (check,),
            "certificate": made_runs.write_file(workspace.root, f"{entry}/certificate.json"),
        }
    )
    records = made_runs.stages(files, train=trained, export=certificate)
    manifest = made_runs.manifest(
        run_id, records, files={"model.keras": made_runs.file_record(model)}
    )
    made_runs.write(workspace.root, manifest)
    return registry.register(workspace, manifest)


def publish(folder: Path) -> Workspace:
    """Register versions that stretch, crop and letterbox, one of gray images; promote the first."""
    workspace = Workspace(folder / "artifacts")
    color = export(folder, COLOR)
    ways: tuple[Resize, ...] = ("stretch", "crop", "letterbox")
    for way in ways:
        register(workspace, f"run-{way}", color, way)
    register(workspace, "run-gray", export(folder, GRAY, seed=1))
    promote(workspace, VERSIONS[0])
    return workspace


def promote(workspace: Workspace, name: str) -> None:
    """Make a version the champion."""
    champion = registry.aliases(workspace, DATASET).champion
    version = registry.resolve(workspace, name)
    registry.promote(workspace, version, "better", None, champion, forced=True)
