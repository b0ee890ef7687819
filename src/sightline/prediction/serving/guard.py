"""What every request passes first: token, size, time, and the count of its outcome."""

import asyncio
import hmac
import time
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightline.prediction.serving import errors
from sightline.prediction.serving.errors import RefusedError
from sightline.prediction.serving.metrics import Metrics
from sightline.prediction.serving.settings import Settings

OPEN = frozenset({"/healthz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json"})
"""Addresses that need no token: they say nothing about the model."""


class Guard:
    """Middleware around the application."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app, self._settings, self._metrics = app, settings, metrics
        self._bytes = 0  # Of the bodies of all requests at work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = _Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except RefusedError as refused:  # before the application was called
            await exchange.refuse(refused)
        finally:
            self._bytes -= exchange.bytes
            seconds = time.perf_counter() - started
            self._metrics.count_request(exchange.endpoint, exchange.status, seconds)

    async def _answer(self, exchange: "_Exchange") -> None:
        self._check_token(exchange)
        if int(exchange.headers.get("content-length", 0)) > self._settings.max_body:
            raise self._too_large()

        async def receive() -> Message:
            message = await exchange.receive()
            size = len(message.get("body", b""))
            exchange.bytes += size
            self._bytes += size
            exchange.is_read = exchange.is_read or not message.get("more_body", False)
            if exchange.bytes > self._settings.max_body:
                raise self._too_large()
            if self._bytes > self._settings.max_bodies:
                raise errors.busy("other requests fill its memory")
            return message

        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._app(exchange.scope, receive, exchange.send)
        except TimeoutError:
            raise self._too_late(exchange) from None

    def _check_token(self, exchange: "_Exchange") -> None:
        """Compare the token in constant time."""
        token = self._settings.token
        if token is None or exchange.scope["path"] in OPEN:
            return
        given = exchange.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "The token is missing or wrong; send the header Authorization: Bearer TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )

    def _too_large(self) -> RefusedError:
        return RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The request has more than {self._settings.max_body:,} bytes; send fewer or smaller "
            "images.",
        )

    def _too_late(self, exchange: "_Exchange") -> RefusedError:
        if not exchange.is_read:
            return RefusedError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The request did not arrive within {self._settings.timeout:g} seconds.",
            )
        return RefusedError(
            HTTPStatus.GATEWAY_TIMEOUT,
            f"The answer took more than {self._settings.timeout:g} seconds; try again later.",
        )


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self._send = scope, receive, send
        self.headers = Headers(scope=scope)
        self.bytes = 0  # Of the body so far
        self.is_read = False  # Whether the body is complete
        self.status = int(HTTPStatus.INTERNAL_SERVER_ERROR)  # Unless an answer begins
        self._has_begun = False

    @property
    def endpoint(self) -> str:
        """The name of its metrics."""
        last = str(self.scope["path"]).rpartition("/")[2]
        return last if last in {"predict", "infer"} else "other"

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status, self._has_begun = message["status"], True
            if self.status >= HTTPStatus.BAD_REQUEST and not self.is_read:  # do not read the rest
                MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)

    async def refuse(self, refused: RefusedError) -> None:
        """Answer with a refusal, unless the answer has begun."""
        if not self._has_begun:
            await answer(refused)(self.scope, self.receive, self.send)


def answer(refused: RefusedError) -> JSONResponse:
    """Return the answer to a refused request."""
    content: dict[str, Any] = {"error": refused.sentence}
    return JSONResponse(content, refused.status, refused.headers)
