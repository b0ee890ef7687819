"""`sightline serve`: predicts images over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from sightline.flows.cli import completion, console, options
from sightline.flows.cli.signals import graceful_sigterm
from sightline.prediction.serving import server
from sightline.prediction.serving.settings import Settings

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\nsightline serve\n\n"
    "sightline serve --model mnist-v3 --port 8001 --abstain-below 0.9\n\n"
    "SIGHTLINE_SERVE_TOKEN=... sightline serve --artifacts s3://bucket/prefix --host 0.0.0.0"
)

_DEFAULTS = Settings()
_MILLISECONDS, _MIB = 1e-3, 1 << 20

_ModelOption = Annotated[
    str,
    typer.Option(
        parser=options.local,
        metavar="MODEL",
        autocompletion=completion.models,
        help="champion or candidate, which is replaced as soon as the registry names another "
        "version; a version such as mnist-v3, a run, latest, or the path of a .keras file.",
    ),
]
_DatasetOption = Annotated[
    str | None, typer.Option(help="Data set of the model. Optional if only one has a champion.")
]
_HostOption = Annotated[
    str, typer.Option(help=f"Address to listen on. Beyond loopback it takes {server.TOKEN}.")
]
_PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port to listen on. 0: any that is free.")
]
_WithoutTokenOption = Annotated[
    bool, typer.Option("--without-token", help="Answer everybody who can reach the address.")
]
_AbstainOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        metavar="P",
        help="Abstain below this confidence: `abstained` is then true, and `label` only a guess.",
    ),
]
_BatchOption = Annotated[
    int, typer.Option(min=1, max=4096, help="Images that the model predicts at once.")
]
_WaitOption = Annotated[
    float,
    typer.Option(
        min=0, max=1000, metavar="MS", help="Longest wait of a batch for images being decoded."
    ),
]
_QueueOption = Annotated[
    int, typer.Option(min=1, help="Images of all requests at work; more are refused with 503.")
]
_TimeoutOption = Annotated[
    float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Longest time of a request.")
]
_BodyOption = Annotated[
    float, typer.Option(min=0.01, max=4096, metavar="MIB", help="Largest request.")
]
_ImagesOption = Annotated[int, typer.Option(min=1, help="Most images of a request.")]
_PixelsOption = Annotated[
    int, typer.Option(min=64, help="Most pixels of an image, before it is decoded.")
]
_PollOption = Annotated[
    float,
    typer.Option(
        min=0.1, max=3600, metavar="SECONDS", help="Time between two looks at the registry."
    ),
]
_LogOption = Annotated[
    Path | None,
    typer.Option(
        parser=options.local_path,
        metavar="FOLDER",
        help="Record digest, class, probability and model of every image, in Parquet files by day.",
    ),
]


@app.command(epilog=EXAMPLES)
def serve(
    model: _ModelOption = "champion",
    dataset: _DatasetOption = None,
    host: _HostOption = "127.0.0.1",
    port: _PortOption = 8000,
    without_token: _WithoutTokenOption = False,
    abstain_below: _AbstainOption = _DEFAULTS.abstain_below,
    max_batch: _BatchOption = _DEFAULTS.max_batch,
    max_wait: _WaitOption = _DEFAULTS.max_wait / _MILLISECONDS,
    max_queue: _QueueOption = _DEFAULTS.max_queue,
    timeout: _TimeoutOption = _DEFAULTS.timeout,
    max_body: _BodyOption = _DEFAULTS.max_body / _MIB,
    max_images: _ImagesOption = _DEFAULTS.max_images,
    max_pixels: _PixelsOption = _DEFAULTS.max_pixels,
    poll: _PollOption = _DEFAULTS.poll,
    log_requests: _LogOption = None,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Predict images over HTTP: POST /predict, the Open Inference Protocol, /metrics."""
    console.show_log(verbose=False)
    token = server.read_token()
    server.check_host(host, token, without_token=without_token)
    settings = Settings(
        max_batch=max_batch,
        max_wait=max_wait * _MILLISECONDS,
        max_queue=max_queue,
        timeout=timeout,
        max_body=int(max_body * _MIB),
        max_images=max_images,
        max_pixels=max_pixels,
        abstain_below=abstain_below,
        poll=poll,
        token=token,
    )
    slug = options.dataset_slug(dataset)
    with server.listen(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"

        def on_start(name: str) -> None:
            console.note(f"{name} answers at {address} (its addresses: {address}/docs)")

        try:
            with graceful_sigterm():
                server.serve(workspace, model, slug, listening, settings, log_requests, on_start)
        except KeyboardInterrupt:
            console.note("Stopped; every request that had arrived was answered.")
