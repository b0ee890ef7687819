"""The program that writes a measured `.keras` file in other forms.

It runs on TensorFlow, for which Keras knows all of them, whatever backend trained: the weights are
the same.
"""

from pathlib import Path
from typing import cast

from sightline.config import Format
from sightline.exporting.formats import NAMES

_KERAS_NAMES: dict[Format, str] = {
    "saved_model": "tf_saved_model",
    "litert": "litert",
    "onnx": "onnx",
}

INPUT = "pixels"
"""Name of the input in every form."""


def main(model: str, sha256: str, folder: str, *forms: str) -> None:
    """Export a model; each form takes uint8 images (batch, height, width, channels), batch free.

    Args:
        model: Path of the `.keras` file.
        sha256: Digest that it must have.
        folder: Where to write, under the names of `formats.NAMES`.
        forms: Which forms.
    """
    import keras

    from sightline import keras_files

    measured = keras_files.read_model(Path(model), sha256)
    signature = [keras.InputSpec(shape=measured.input_shape, dtype="uint8", name=INPUT)]
    for form in forms:
        name = cast(Format, form)
        path = Path(folder, NAMES[name])
        measured.export(path, format=_KERAS_NAMES[name], verbose=False, input_signature=signature)
