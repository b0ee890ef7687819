"""Write the metadata of a model into its exports, and read them there.

Each format has a place for them that other programs know and its runtime ignores.
"""

import os
import zipfile
from pathlib import Path

from sightline.records.model_metadata import FILE

KEY = "sightline"
"""Name of the metadata in an ONNX file."""

_EXTRA = "assets.extra"  # Folder of a SavedModel for files that TensorFlow does not know
_EPOCH = (1980, 1, 1, 0, 0, 0)  # The earliest time of a ZIP archive: equal models, equal bytes


def write_onnx(path: Path, text: str) -> None:
    """Add an entry to `metadata_props`; a Protocol Buffers message may be appended to another."""
    import onnx

    entry = onnx.StringStringEntryProto(key=KEY, value=text)
    with path.open("ab") as file:
        file.write(onnx.ModelProto(metadata_props=[entry]).SerializeToString())


def write_litert(path: Path, text: str) -> None:
    """Append a ZIP archive, as LiteRT's tools do with files of labels."""
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(zipfile.ZipInfo(FILE, _EPOCH), text)


def write_saved_model(path: Path, text: str) -> None:
    """Write a file into the folder of a SavedModel."""
    folder = path / _EXTRA
    folder.mkdir()
    (folder / FILE).write_text(text, encoding="utf-8")


def read_onnx(path: Path) -> str:
    """Return what ONNX Runtime finds."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return str(session.get_modelmeta().custom_metadata_map[KEY])


def read_archive(path: Path) -> str | None:
    """Return what is in the archive at the end of a file, or in a `.keras` file.

    None if the archive has no metadata, like a `.keras` file of an earlier version.
    """
    with zipfile.ZipFile(path) as archive:
        return archive.read(FILE).decode() if FILE in archive.namelist() else None


def read_saved_model(path: Path) -> str:
    """Return what is in the folder of a SavedModel."""
    return (path / _EXTRA / FILE).read_text(encoding="utf-8")
