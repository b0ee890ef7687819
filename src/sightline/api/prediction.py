"""Predictions for arrays, Pillow images and paths, by the code of `sightline predict`."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from sightline.errors import DataError
from sightline.pipeline.process import keras_process
from sightline.prediction import inputs
from sightline.prediction.predict import predict_request
from sightline.prediction.records import Input, Request, ServedModel

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["input", "label", "class", "probability", "probabilities", "error"]
_GRAY, _COLOR = 2, 3  # Dimensions of one image, without and with channels
_CHANNELS = (1, 3)
_MAX_PIXEL = 255


def predict(model: ServedModel, images: Any) -> "pd.DataFrame":
    """Predict images; see `Run.predict`."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        found = tuple(_describe(images, Path(folder)))
        if not found:
            raise DataError("There are no images to predict; expected at least one.")
        table = Path(folder, "predictions.parquet")
        request = Request(inputs=found, model=model, table=str(table), with_probabilities=True)
        outcome = keras_process().run(predict_request, request)
        frame = pd.read_parquet(table)[_COLUMNS]
    frame.attrs["warnings"] = list(outcome.warnings)
    return frame


def _describe(images: Any, folder: Path) -> Iterator[Input]:
    """Describe the inputs; those without a file are written to `folder`."""
    if not isinstance(images, list | tuple):
        yield _describe_one(images, "images", folder / "images")
        return
    for number, image in enumerate(images):
        yield _describe_one(image, f"images[{number}]", folder / str(number))


def _describe_one(image: Any, name: str, stem: Path) -> Input:
    if isinstance(image, str | os.PathLike):
        path = os.fspath(image)
        inputs.check(path)
        return inputs.describe(path)
    if isinstance(image, Image):
        path = stem.with_suffix(".png")
        image.save(path, exif=image.getexif(), icc_profile=image.info.get("icc_profile"))
    else:
        path = stem.with_suffix(".npy")
        np.save(path, _pixels(np.asarray(image), name))
    try:
        return inputs.describe(str(path)).model_copy(update={"name": name})
    except DataError as error:
        raise DataError(str(error).replace(str(path), name)) from None


def _pixels(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return images as uint8 of shape (n, height, width) or (n, height, width, channels)."""
    if not np.issubdtype(array.dtype, np.integer) or not _GRAY <= array.ndim <= _COLOR + 1:
        raise DataError(
            f"{name}: expected integers from 0 to 255 of shape (n, height, width, channels), "
            f"(n, height, width) or without n, found {array.dtype} of shape {array.shape}; scale "
            'pixels from 0 to 1 with (255 * images).round().astype("uint8").'
        )
    if array.size and (array.min() < 0 or array.max() > _MAX_PIXEL):
        raise DataError(
            f"{name}: expected pixels from 0 to 255, found {array.min()} to {array.max()}."
        )
    is_one = array.ndim == _GRAY or (array.ndim == _COLOR and array.shape[-1] in _CHANNELS)
    return (array[np.newaxis] if is_one else array).astype(np.uint8)
