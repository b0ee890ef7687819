"""Folders in the form in which model servers look for models.

`tf-serving`: `<output>/<name>/<number>/saved_model.pb` and the rest of a SavedModel, where
`<output>/<name>` is the base path of TensorFlow Serving.

`triton`: `<output>/<name>/<number>/model.onnx`, beside `config.pbtxt` and `labels.txt`, where
`<output>` is the model repository of Triton.

In both, `<output>/<name>/sightline.json` has the class names and says which version is there. The
servers ignore it.
"""

import json
import re
import shutil
from enum import StrEnum
from pathlib import Path

from sightline.config import Format
from sightline.errors import InputError
from sightline.export import metadata
from sightline.records import ModelMetadata
from sightline.records.model_metadata import FILE
from sightline.storage import files
from sightline.storage.text import printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MAX_BATCH = 64  # Images that Triton may bring together
_CONFIG = """\
name: {name}
platform: "onnxruntime_onnx"
max_batch_size: {batch}
version_policy {{ specific {{ versions: [ {number} ] }} }}
input [ {{ name: {given} data_type: {given_type} dims: {given_dims} }} ]
output [ {{
  name: {found} data_type: {found_type} dims: {found_dims} label_filename: "labels.txt"
}} ]
dynamic_batching {{ }}
parameters {{ key: "sightline" value {{ string_value: {metadata} }} }}
"""
_TYPES = {"tensor(uint8)": "TYPE_UINT8", "tensor(float)": "TYPE_FP32"}


class Layout(StrEnum):
    """A model server."""

    TF_SERVING = "tf-serving"
    TRITON = "triton"


FORMAT: dict[Layout, Format] = {Layout.TF_SERVING: "saved_model", Layout.TRITON: "onnx"}
"""The export that a layout needs."""


def write(layout: Layout, exports: Path, name: str, number: int, output: Path) -> Path:
    """Lay a version out below `output`, and return its folder `<output>/<name>/<number>`.

    `exports` is the folder of a version's exports. The folder appears complete or not at all. Then
    those of other versions are removed, since TensorFlow Serving takes the highest number, also
    after a rollback.

    Raises InputError if the name is malformed or `<output>/<name>` has files that this function did
    not write, and StorageError if it cannot be written.
    """
    from sightline.export import formats  # which imports NumPy

    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:60]!r} cannot name a model; expected up to 100 letters, digits, "
            "'.', '_' or '-', the first a letter or digit, in --name."
        )
    known = formats.FORMATS[FORMAT[layout]]
    model, parent = exports / known.file, output / name
    text = known.read_metadata(model)
    assert text is not None  # noqa: S101 - every export has them
    with files.storage_errors(output, "--output"):
        _claim(parent)
        with files.new_folder(parent / str(number), replace=True) as folder:
            if model.is_dir():
                shutil.copytree(model, folder, dirs_exist_ok=True)
            else:
                shutil.copyfile(model, folder / model.name)
        if layout is Layout.TRITON:
            names = ModelMetadata.model_validate_json(text).class_names
            _write(parent / "labels.txt", "".join(f"{printable(one)}\n" for one in names))
            _write(parent / "config.pbtxt", _config(model, name, number))
        for path in parent.iterdir():
            if re.fullmatch("[0-9]+", path.name) and path.name != str(number):
                files.set_aside(path)
        _write(parent / FILE, json.dumps({"name": name, "number": number} | json.loads(text)))
    return parent / str(number)


def _claim(parent: Path) -> None:
    """Mark a new folder as one of this module; raise InputError if it has other files."""
    if (parent / FILE).exists():
        return
    if parent.exists() and any(parent.iterdir()):
        raise InputError(
            f"{parent} was not written by this command; move it away, or choose another --output."
        )
    _write(parent / FILE, "{}")  # until a version is there


def _write(path: Path, text: str) -> None:
    with files.new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _config(model: Path, name: str, number: int) -> str:
    """Return a ModelConfig as text; names, types and shapes are those of the ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    return _CONFIG.format(
        name=json.dumps(name),
        number=number,
        batch=MAX_BATCH,
        given=json.dumps(given.name),
        given_type=_TYPES[given.type],
        given_dims=json.dumps(given.shape[1:]),
        found=json.dumps(found.name),
        found_type=_TYPES[found.type],
        found_dims=json.dumps(found.shape[1:]),
        metadata=json.dumps(metadata.read_onnx(model), ensure_ascii=False),
    )
