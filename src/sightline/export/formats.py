"""The forms that a model is shipped in: what each needs, and what its files are called."""

from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import get_args

from sightline.config import ExportConfig, Format
from sightline.errors import ConfigError
from sightline.records import FileRecord

FOLDER = "exports"
"""Folder in a cache entry that holds what is shipped, under the names that it is shipped by."""

NAMES: dict[Format, str] = {
    "keras": "model.keras",
    "saved_model": "saved_model",
    "litert": "model.tflite",
    "onnx": "model.onnx",
}
"""File or folder of each form; `saved_model` is a folder."""

_MODULES: dict[Format, tuple[str, ...]] = {
    "keras": (),
    "saved_model": (),
    "litert": ("ai_edge_litert",),
    "onnx": ("onnxruntime", "tf2onnx"),
}
"""What a form needs beside Keras and TensorFlow; distributions are called the same, with '-'."""


def chosen(settings: ExportConfig) -> tuple[Format, ...]:
    """Decide which forms a model is exported in.

    Args:
        settings: Names the forms; without names it is those whose libraries are installed.

    Returns:
        Each form once, in a fixed order.

    Raises:
        ConfigError: A library that a named form needs is not installed.
    """
    known: tuple[Format, ...] = get_args(Format)
    if settings.formats is None:
        return tuple(form for form in known if not _missing(form))
    for form in settings.formats:
        if missing := _missing(form):
            raise ConfigError(
                f"export.formats names {form!r}, which needs {' and '.join(missing)}; install "
                'what is missing with pip install "sightline[export]", or leave it out.'
            )
    return tuple(form for form in known if form in settings.formats)


def shipped_name(record: FileRecord) -> str:
    """Return the name that an exported file is shipped by, relative to a model's folder.

    Args:
        record: A file of an `ExportCheck`.

    Returns:
        A POSIX path such as "saved_model/variables/variables.index"; "model.keras" for the
        measured model, which lies where the training wrote it.
    """
    _, found, name = record.path.rpartition(f"/{FOLDER}/")
    return name if found else PurePosixPath(record.path).name


def _missing(form: Format) -> list[str]:
    return [name.replace("_", "-") for name in _MODULES[form] if find_spec(name) is None]
