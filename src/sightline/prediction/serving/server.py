"""Start the server and stop it without losing a request."""

import asyncio
import os
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from sightline import registry
from sightline.data.decoding.images import silence_bomb_warnings
from sightline.errors import ConfigError, InputError
from sightline.prediction.serving.settings import Settings, check_installed
from sightline.storage.addresses import is_loopback
from sightline.storage.workspace import Workspace

TOKEN = "SIGHTLINE_SERVE_TOKEN"  # noqa: S105 - the variable's name
_CONNECTIONS = 1_000  # More are answered with 503
_BACKLOG = 1_024
_HEAD_SECONDS = 10.0  # Longest time for the head of a request; a slow body has `Settings.timeout`


def read_token() -> str | None:
    """Return the token of the environment; raise ConfigError if no header could carry it."""
    token = os.environ.get(TOKEN) or None
    if token and not re.fullmatch(r"[!-~]+", token):
        raise ConfigError(
            f"{TOKEN} holds a blank, a line break or a letter beyond ASCII; make a token with "
            "`openssl rand -hex 32`."
        )
    return token


def check_host(host: str, token: str | None, *, without_token: bool) -> None:
    """Raise ConfigError if everybody could ask, unless that is wanted."""
    if not (is_loopback(host) or token or without_token):
        raise ConfigError(
            f"A server on {host} without a token answers everybody who can reach it; set {TOKEN}, "
            "or say --without-token, or listen on 127.0.0.1."
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise InputError if it cannot."""
    with ExitStack() as unless_it_listens:
        try:
            # With the protocol named, asyncio sends small answers at once (TCP_NODELAY)
            *kind, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = unless_it_listens.enter_context(socket.socket(*kind))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError as error:
            raise InputError(
                f"The server cannot listen on {host}:{port} ({error.strerror}); choose another "
                "--port or --host."
            ) from None
        unless_it_listens.pop_all()
        return listening


def serve(
    workspace: Workspace,
    reference: str,
    dataset: str | None,
    listening: socket.socket,
    settings: Settings,
    log_folder: Path | None = None,
    on_start: Callable[[str], None] = print,
) -> None:
    """Serve a model until the process is told to stop; then answer what was asked, and return.

    `on_start` is called with the name of the model once it can predict. Raises InputError if the
    model cannot be served.
    """
    check_installed()
    from sightline.prediction.serving import app, loading
    from sightline.prediction.serving.metrics import Metrics
    from sightline.prediction.serving.request_log import RequestLog
    from sightline.prediction.serving.service import Service
    from sightline.prediction.serving.watching import Watch

    engine = loading.load(workspace, reference, dataset)
    engine.warm_up(settings.max_batch)
    log = RequestLog(log_folder) if log_folder else None
    service = Service(engine, settings, Metrics(), log)
    tasks = [log.run] if log else []
    if reference in registry.ALIASES:
        tasks.append(Watch(service, workspace, reference, engine.name).run)
    on_start(engine.model)
    try:
        with silence_bomb_warnings():
            asyncio.run(_run(app.build(service, *tasks), listening, settings))
    finally:
        if log:
            log.flush()


async def _run(app: object, listening: socket.socket, settings: Settings) -> None:
    import uvicorn

    from sightline.prediction.serving.connection import Connection

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=partial(Connection, min(_HEAD_SECONDS, settings.timeout)),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=int(settings.timeout) + 5,
    )
    await uvicorn.Server(config).serve(sockets=[listening])
