"""The Open Inference Protocol, version 2 (HTTP with JSON), for the model that is served.

https://github.com/kserve/open-inference-protocol
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sightline.pipeline import provenance
from sightline.prediction.serving import tensors
from sightline.prediction.serving.bodies import read_json
from sightline.prediction.serving.engine import Engine
from sightline.prediction.serving.errors import RefusedError
from sightline.prediction.serving.service import Service
from sightline.prediction.serving.tensors import (
    INPUT,
    OUTPUTS,
    InferRequest,
    OutputTensor,
    Parameters,
)
from sightline.storage.text import quoted

_PLATFORM = "onnx_onnxruntime"  # <project>_<format> as the protocol asks


class InferResponse(BaseModel):
    """The outputs, by one version of the model."""

    model_config = ConfigDict(protected_namespaces=())
    model_name: str
    model_version: str
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[OutputTensor]


def routes(service: Service) -> APIRouter:
    """Return the routes of the protocol."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

    def served(name: str, version: str | None = None) -> Engine:
        """Return the engine at an address; raise RefusedError if another one is served."""
        engine = service.engine
        if (engine.name, version or engine.version) == (name, engine.version):
            return engine
        raise RefusedError(
            HTTPStatus.NOT_FOUND,
            f"There is no model {quoted(name)}{f' of version {quoted(version)}' if version else ''}"
            f" here; /v2/models/{engine.name}/versions/{engine.version} is served.",
        )

    @router.get("", summary="Name and version of the server")
    async def server() -> dict[str, Any]:
        version = provenance.versions("sightline")["sightline"]
        return {"name": "sightline", "version": version, "extensions": []}

    @router.get("/health/live", summary="Whether the server is alive")
    async def live() -> JSONResponse:
        return _health("live", alive=service.is_alive)

    @router.get("/health/ready", summary="Whether the server can predict")
    async def ready() -> JSONResponse:
        return _health("ready", alive=service.is_alive)

    @router.get("/models/{name}", summary="Inputs and outputs of the model")
    @router.get("/models/{name}/versions/{version}", summary="Inputs and outputs of the model")
    async def model(name: str, version: str | None = None) -> dict[str, Any]:
        return _describe(served(name, version))

    @router.get("/models/{name}/ready", summary="Whether the model can predict")
    @router.get("/models/{name}/versions/{version}/ready", summary="Whether the model can predict")
    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        return {"name": served(name, version).name, "ready": True}

    @router.post(
        "/models/{name}/infer", summary="Predict a tensor", response_model_exclude_none=True
    )
    @router.post(
        "/models/{name}/versions/{version}/infer",
        summary="Predict a tensor",
        response_model_exclude_none=True,
    )
    async def infer(request: Request, name: str, version: str | None = None) -> InferResponse:
        engine = served(name, version)
        given = await read_json(request, InferRequest)
        tensors.check_outputs(given.outputs)
        images = tensors.read_images(given, engine, service.settings.max_images)
        if isinstance(images, list):
            answers = await service.predict(images, engine)
        else:
            answers = await service.predict_pixels(images, engine)
        return InferResponse(
            model_name=engine.name,
            model_version=engine.version,
            id=given.id,
            outputs=tensors.write_outputs(answers.each, given.outputs),
        )

    return router


def _health(name: str, *, alive: bool) -> JSONResponse:
    return JSONResponse({name: alive}, HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)


def _describe(engine: Engine) -> dict[str, Any]:
    classes = {"probabilities": [len(engine.metadata.class_names)]}
    outputs = [
        {"name": name, "datatype": output.datatype, "shape": [-1, *classes.get(name, [])]}
        for name, output in OUTPUTS.items()
    ]
    pixels = {"name": INPUT, "datatype": "UINT8", "shape": [-1, *engine.metadata.image_shape]}
    return {
        "name": engine.name,
        "versions": [engine.version],
        "platform": _PLATFORM,
        "inputs": [pixels],
        "outputs": outputs,
    }
