"""`sightline ops metrics`: how the operation goes, for Prometheus."""

import os
import threading
from pathlib import Path
from typing import Annotated

import typer

from sightline.errors import ServerError
from sightline.flows.cli import console, options
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.server import api
from sightline.pipeline.doctor import check_address

EXAMPLES = (
    "Examples:\n\nsightline ops metrics --artifacts /srv/sightline\n\n"
    "sightline ops metrics --textfile /var/lib/node_exporter/sightline.prom"
)
_LOOPBACK = "127.0.0.1"


def metrics(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0: any that is free.")
    ] = 9109,
    interval: Annotated[
        float, typer.Option(min=1, max=86400, metavar="SECONDS", help="Time between two readings.")
    ] = 30,
    textfile: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path,
            metavar="FILE.prom",
            help="Write them once into a file for node_exporter's textfile collector, then end.",
        ),
    ] = None,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Serve metrics of champions, gate, runs, queue, workers and disk at /metrics on loopback.

    Without PREFECT_API_URL, or while the server is away, those of queue and workers are missing.
    """
    api.configure(verbose=False)
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    if url := api.configured_url():
        check_address(url)
    console.show_log(verbose=False)
    from prometheus_client import start_http_server, write_to_textfile

    from sightline.flows.server.metrics import Metrics

    found = Metrics(workspace, with_prefect=url is not None)
    found.refresh()
    if textfile:
        try:
            write_to_textfile(str(textfile), found.registry)
        except OSError as error:
            raise typer.BadParameter(f"{textfile} cannot be written: {error.strerror}.") from None
        return
    try:
        server, thread = start_http_server(port, _LOOPBACK, found.registry)
    except OSError as error:
        raise ServerError(
            f"Port {port} cannot be used: {error.strerror}; choose another --port."
        ) from None
    console.note(f"Metrics: http://{_LOOPBACK}:{server.server_port}/metrics")
    try:
        with graceful_sigterm():
            while not threading.Event().wait(interval):
                found.refresh()
    except KeyboardInterrupt:
        server.shutdown()
        thread.join()
