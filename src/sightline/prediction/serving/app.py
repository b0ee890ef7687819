"""The application: addresses and what they answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from sightline.errors import DataError
from sightline.pipeline import provenance
from sightline.prediction.serving import guard, inference_protocol
from sightline.prediction.serving.api_page import CONTENT_POLICY, render
from sightline.prediction.serving.bodies import JsonImages, read_uploads
from sightline.prediction.serving.errors import RefusedError
from sightline.prediction.serving.metrics import DISCONNECTED
from sightline.prediction.serving.service import Answer, Service
from sightline.storage.text import quoted

_log = logging.getLogger("sightline.serving")
_HANDLED = (
    ClientDisconnect,
    DataError,
    Exception,
    HTTPException,
    RefusedError,
    RequestValidationError,
)
_FILES = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FILES},
            "application/json": {"schema": JsonImages.model_json_schema()},
        },
    }
}


class Prediction(BaseModel):
    """The prediction for an image, with the names of `sightline predict`."""

    model_config = ConfigDict(populate_by_name=True)
    input: str  # The name of its file, or its place in the JSON
    label: str
    number: int = Field(serialization_alias="class")  # Of the class, in label order
    probability: float
    abstained: bool  # Whether the probability is below the required one; `label` is then a guess
    probabilities: dict[str, float] | None = None  # By label, on request


class Predictions(BaseModel):
    """The predictions of a request, all by one model."""

    model: str
    predictions: list[Prediction]


Task = Callable[[], Coroutine[Any, Any, None]]


def build(service: Service, *tasks: Task) -> ASGIApp:
    """Return the application around a service; `tasks` run as long as it does."""
    app = FastAPI(
        title="Sightline",
        version=provenance.versions("sightline")["sightline"],
        summary="Predicts images with a trained model.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_running(service.run_batches, *tasks),
    )
    for kind in _HANDLED:
        app.add_exception_handler(kind, _refuse)
    app.include_router(inference_protocol.routes(service))
    _add_pages(app, service)

    @app.post("/predict", openapi_extra=_BODY, response_model_exclude_none=True)
    async def predict(request: Request, probabilities: bool = False) -> Predictions:
        """Predict one or more images, as files of a form or as base64 in JSON."""
        uploads = await read_uploads(request, service.settings.max_images)
        answers = await service.predict(uploads, service.engine)
        labels = answers.engine.metadata.class_names if probabilities else None
        found = [_prediction(one, labels) for one in answers.each]
        return Predictions(model=answers.engine.model, predictions=found)

    return guard.Guard(app, service.settings, service.metrics)


def _add_pages(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the server is alive")
    async def health() -> JSONResponse:
        alive = service.is_alive
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"alive": alive}, status)

    @app.get("/metrics", summary="What the server counts, for Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        headers = {"Content-Security-Policy": CONTENT_POLICY}
        return HTMLResponse(render(app.openapi()), headers=headers)


def _prediction(one: Answer, labels: tuple[str, ...] | None) -> Prediction:
    pairs = zip(labels or (), one.probabilities.tolist(), strict=labels is not None)
    return Prediction(
        input=one.input,
        label=one.label,
        number=one.number,
        probability=one.probability,
        abstained=one.abstained,
        probabilities=dict(pairs) if labels else None,
    )


def _running(*tasks: Task) -> Any:
    """Return a lifespan that runs coroutines beside the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = [asyncio.create_task(task()) for task in tasks]
        yield
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer an error with one sentence, as the Open Inference Protocol does."""
    match error:
        case RefusedError():
            refused = error
        case ClientDisconnect():
            return Response(status_code=DISCONNECTED)
        case DataError():
            refused = RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        case HTTPException():
            status, path = HTTPStatus(error.status_code), quoted(request.url.path)
            refused = RefusedError(status, f"{error.detail}: {path}; see /docs.", error.headers)
        case RequestValidationError():
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            refused = RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}.")
        case _:
            _log.error("A request failed: %s: %s", type(error).__name__, error)
            sentence = "The server failed; its log says why."
            refused = RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, sentence)
    return guard.answer(refused)
