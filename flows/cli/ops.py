"""`sightline ops`: the Prefect server behind scheduled runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer
from rich.table import Table

from sightline.errors import ConfigError
from sightline.flows.cli import console, options
from sightline.flows.server import api

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from sightline.flows.server.status import Overview

app = typer.Typer(no_args_is_help=True, help="Start, configure and monitor the Prefect server.")

_COLOURS = {"Running": "cyan"}
_COLOURS |= dict.fromkeys(("ready", "online", "Completed"), "green")
_COLOURS |= dict.fromkeys(("Failed", "Crashed", "Late"), "red")


_GpusOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Maximum number of concurrent GPU trainings. Default: unchanged, or 1."
    ),
]


@app.command(
    epilog="Examples:\n\nsightline ops install\n\n"
    "SIGHTLINE_WEBHOOK_URL=https://chat.example.org/hooks/abc sightline ops install --gpus 2"
)
def install(
    gpus: _GpusOption = None,
    lost_after: Annotated[
        int | None,
        typer.Option(
            min=90,
            metavar="SECONDS",
            help="Mark a run as Crashed after this time without a heartbeat. Default: unchanged, "
            "or 300.",
        ),
    ] = None,
    webhook_url: Annotated[
        str | None,
        typer.Option(
            envvar="SIGHTLINE_WEBHOOK_URL",
            show_envvar=True,
            help="Incoming webhook for notifications of failed and late runs; stored on the "
            "server as a secret. Default: unchanged.",
        ),
    ] = None,
) -> None:
    """Install or update the automations and limits that scheduled runs rely on."""
    address = _address(webhook_url)
    with _client() as client:
        from sightline.flows.server import automations

        done = automations.install_all(client, gpus, lost_after, address)
    console.out().print(console.table(("Component", "Status"), done.items()))


def _address(webhook_url: str | None) -> str | None:
    """Check the URL before anything is installed; it is a secret, so errors do not show it."""
    if not webhook_url:
        return None
    try:
        url = httpx.URL(webhook_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(
            "The webhook (--webhook-url or SIGHTLINE_WEBHOOK_URL) is not an http:// or https:// "
            "URL; copy the complete URL from the settings of your chat."
        )
    return webhook_url


@app.command(epilog="Examples:\n\nsightline ops private\n\nsightline ops private --stop")
def private(
    stop: Annotated[bool, typer.Option("--stop", help="End it, also while runs use it.")] = False,
) -> None:
    """Show the private server, which commands start and share where no other is configured."""
    from sightline.flows.server import private

    if (address := private.running()) is None:
        console.note("There is none: no private server runs for this user on this machine.")
    elif stop:
        private.stop(address)
        console.note(f"Ended the private server, process {address.pid}.")
    else:
        rows = {
            "URL": address.url,
            "Process": str(address.pid),
            "Log": str(address.log),
            "Ends": f"{address.idle_minutes:g} min after its last command",
        }
        console.out().print(console.table(("Private server", ""), rows.items()))


@app.command(epilog="Example: sightline ops status --json")
def status(as_json: options.Json = False) -> None:
    """Show pools, workers, queues, deployments and runs. Exit with 1 if nothing can run."""
    with _client() as client:
        from sightline.flows.server.status import Reader

        found = Reader(client).overview()
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _show(found)
    raise typer.Exit(0 if found.can_run else 1)


def _show(found: "Overview") -> None:
    table = Table("Type", "Name", "State", "Details")
    kind = ""
    for row in found.rows:
        if kind and row.kind != kind:
            table.add_section()
        colour = _COLOURS.get(row.state)
        state = f"[{colour}]{row.state}[/{colour}]" if colour else console.plain(row.state)
        shown = "" if row.kind == kind else row.kind
        table.add_row(shown, console.plain(row.name), state, console.plain(row.detail))
        kind = row.kind
    console.out().print(table)
    if not found.can_run:
        console.note(
            "Nothing can run: no active deployment has a pool with a worker. `prefect worker start "
            "--pool cpu` starts a worker; `prefect deploy --all` (in a checkout `make deploy`) "
            "makes the deployments of a prefect.yaml."
        )


@app.command(epilog="Example: sightline ops check prefect.yaml")
def check(
    file: Annotated[
        Path, typer.Argument(parser=options.local_path, metavar="FILE", help="File of deployments.")
    ] = Path("prefect.yaml"),
) -> None:
    """Check the parameters of the deployments in prefect.yaml before `prefect deploy`."""
    api.configure(verbose=False)
    from sightline.flows.server import deployment_file

    console.say(f"{file}: {deployment_file.check(file)} deployments can be made")


@app.command(
    "server",
    epilog="Examples:\n\nsightline ops server\n\n"
    "PREFECT_SERVER_API_AUTH_STRING=user:password sightline ops server --host 0.0.0.0",
)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4200,
) -> None:
    """Start a Prefect server. Listening beyond loopback requires a password."""
    api.serve(host, port)


@contextmanager
def _client() -> Iterator["SyncPrefectClient"]:
    """Connect to the configured server, without Prefect's log."""
    api.configure(verbose=False)
    api.require()
    from prefect.client.orchestration import get_client

    with api.refusals(), get_client(sync_client=True) as client:
        yield client
