"""The child program that writes a trained `.keras` file in another format.

It runs on TensorFlow, for which Keras supports all formats, whatever backend trained the weights.
Each format gets a fresh process: names in the file are numbered by what the process did before,
so only a fresh one gives equal bytes for equal models.
"""

from pathlib import Path
from typing import Any, cast

from sightline.config import Format
from sightline.export.formats import FORMATS
from sightline.pipeline.fast_import import quick_import


def main(model: str, sha256: str, folder: str, name: str) -> dict[str, Any]:
    """Convert a `.keras` file with this digest to a format other than "keras", in a folder."""
    with quick_import():
        from sightline.models import keras_files

    target = FORMATS[cast(Format, name)]
    assert target.convert is not None  # noqa: S101 - "keras" is never converted
    target.convert(keras_files.read_model(Path(model), sha256), Path(folder, target.file))
    return {}
