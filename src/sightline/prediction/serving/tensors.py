"""Tensors of the Open Inference Protocol, in JSON, to and from images and answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from sightline.prediction.serving import errors
from sightline.prediction.serving.bodies import check_count, decode_base64
from sightline.prediction.serving.engine import Engine, Pixels
from sightline.prediction.serving.service import Answer, Upload
from sightline.storage.text import quoted

INPUT = "pixels"
_BRIGHTEST = 255
Parameters = dict[str, str | bool | int | float]


class InputTensor(BaseModel):
    """A tensor in a request; `data` is flat, in row-major order, or nested."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = Field(default_factory=dict)
    data: list[Any]


class WantedOutput(BaseModel):
    """An output that a request wants."""

    name: str
    parameters: Parameters = Field(default_factory=dict)


class InferRequest(BaseModel):
    """What to infer; without `outputs`, all are returned."""

    id: str | None = None
    parameters: Parameters = Field(default_factory=dict)
    inputs: list[InputTensor]
    outputs: list[WantedOutput] | None = None


class OutputTensor(BaseModel):
    """A tensor in an answer; `data` is flat, in row-major order."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class Output(NamedTuple):
    """An output of every model."""

    datatype: str
    values: Callable[[Answer], list[Any]]  # Of one image


OUTPUTS = {
    "probabilities": Output("FP32", lambda one: one.probabilities.tolist()),
    "label": Output("BYTES", lambda one: [one.label]),
    "abstained": Output("BOOL", lambda one: [one.abstained]),
}


def read_images(request: InferRequest, engine: Engine, most: int) -> Pixels | list[Upload]:
    """Return the pixels of a request, or its encoded images; raise RefusedError if there are none.

    UINT8 and FP32 hold pixels from 0 to 255 in the form that the model takes, BYTES encoded images
    as base64.
    """
    if len(request.inputs) != 1:
        raise errors.invalid(f"Expected one input, found {len(request.inputs)}.")
    (tensor,) = request.inputs
    if tensor.name != INPUT:
        raise errors.invalid(f"The input {quoted(tensor.name)} is unknown; expected {INPUT}.")
    if "binary_data_size" in tensor.parameters:
        raise errors.invalid("Tensors outside the JSON (binary_data_size) are not supported.")
    if tensor.datatype == "BYTES":
        return _encoded(tensor, most)
    if tensor.datatype not in {"UINT8", "FP32"}:
        raise errors.invalid(
            f"The datatype of {INPUT} is {quoted(tensor.datatype)}; expected UINT8, FP32 or BYTES."
        )
    images, *shape = tensor.shape or [0]
    if shape != list(engine.metadata.image_shape) or images < 1:
        expected = ", ".join(map(str, engine.metadata.image_shape))
        raise errors.invalid(
            f"The shape of {INPUT} is {tensor.shape}; expected [images, {expected}], at least one "
            "image."
        )
    check_count(images, most)
    return _pixels(tensor)


def check_outputs(wanted: list[WantedOutput] | None) -> None:
    """Raise RefusedError if there is no output of a name, or it is wanted in another form."""
    for one in wanted or ():
        if one.name not in OUTPUTS:
            raise errors.invalid(
                f"The output {quoted(one.name)} is unknown; expected {', '.join(OUTPUTS)}."
            )
        if one.parameters.get("binary_data"):
            raise errors.invalid("Tensors outside the JSON (binary_data) are not supported.")


def write_outputs(
    answers: tuple[Answer, ...], wanted: list[WantedOutput] | None
) -> list[OutputTensor]:
    """Return the wanted outputs, by default all."""
    names = list(OUTPUTS) if wanted is None else [one.name for one in wanted]
    written = []
    for name in names:
        rows = [OUTPUTS[name].values(one) for one in answers]
        shape = [len(rows), len(rows[0])] if name == "probabilities" else [len(rows)]
        data = [value for row in rows for value in row]
        written.append(
            OutputTensor(name=name, shape=shape, datatype=OUTPUTS[name].datatype, data=data)
        )
    return written


def _encoded(tensor: InputTensor, most: int) -> list[Upload]:
    if tensor.parameters.get("content_type", "base64") != "base64":
        raise errors.invalid("The content type of BYTES is unknown; expected base64.")
    if tensor.shape != [len(tensor.data)] or not tensor.data:
        raise errors.invalid(
            f"The shape of {INPUT} is {tensor.shape}; expected [{len(tensor.data)}], the number of "
            "its elements, at least 1."
        )
    check_count(len(tensor.data), most)
    if not all(isinstance(one, str) for one in tensor.data):
        raise errors.invalid("The elements of BYTES are no strings; expected images as base64.")
    named = ((f"{INPUT}[{number}]", text) for number, text in enumerate(tensor.data))
    return [Upload(name, decode_base64(text, name)) for name, text in named]


def _pixels(tensor: InputTensor) -> Pixels:
    try:
        found = np.asarray(tensor.data, np.float32).reshape(tensor.shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise errors.invalid(
            f"The data of {INPUT} do not fill its shape {tensor.shape} ({quoted(error)})."
        ) from None
    lowest, highest = float(found.min()), float(found.max())
    if not 0 <= lowest <= highest <= _BRIGHTEST:  # also if one is not a number
        raise errors.invalid(
            f"{INPUT} has values from {lowest:g} to {highest:g}; expected 0 (black) to 255 (white)."
        )
    rounded = np.rint(found)
    if tensor.datatype == "UINT8" and (rounded != found).any():
        raise errors.invalid(f"{INPUT} has fractions; expected integers for UINT8.")
    if highest <= 1 and (rounded != found).any():
        raise errors.invalid(
            f"{INPUT} has values from {lowest:g} to {highest:g}; expected 0 (black) to 255 (white):"
            " multiply them by 255."
        )
    return rounded.astype(np.uint8)
