"""`sightline ops`: the Prefect server behind nightly runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import httpx
import typer
from rich.table import Table

from sightline.errors import ConfigError
from sightline.flows.cli import console
from sightline.flows.server import api

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from sightline.flows.server.status import Overview

app = typer.Typer(no_args_is_help=True, help="Serve, equip and watch the Prefect server.")

_UNFIT = 1
_COLOURS = {
    "ready": "green",
    "online": "green",
    "Completed": "green",
    "Running": "cyan",
    "Failed": "red",
    "Crashed": "red",
    "Late": "red",
}


@app.command(
    epilog="Examples:\n\nsightline ops install\n\n"
    "SIGHTLINE_WEBHOOK_URL=https://chat.example.org/hooks/abc sightline ops install --gpus 2"
)
def install(
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many trainings may run at a time on GPUs; 1 unless it was set before."
        ),
    ] = None,
    lost_after: Annotated[
        int | None,
        typer.Option(
            min=90,
            help="Seconds of silence after which a run is Crashed; 300 unless it was set before.",
        ),
    ] = None,
    webhook_url: Annotated[
        str | None,
        typer.Option(
            envvar="SIGHTLINE_WEBHOOK_URL",
            show_envvar=True,
            help="Incoming webhook that is told of failed and late runs; kept on the server as a "
            "secret. Unset: what is installed stays.",
        ),
    ] = None,
) -> None:
    """Install the automations and limits that nightly runs rely on; may be repeated."""
    address = _address(webhook_url)
    with _client() as client:
        from sightline.flows.server import automations

        done = automations.equip(client, gpus, lost_after, address)
    table = Table("What", "Done")
    for name, what in done.items():
        table.add_row(name, what)
    console.out().print(table)


def _address(webhook_url: str | None) -> str | None:
    """Refuse what is no address before anything is installed; it is a secret, so not shown."""
    if not webhook_url:
        return None
    try:
        url = httpx.URL(webhook_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(
            "The webhook (--webhook-url or SIGHTLINE_WEBHOOK_URL) is no http:// or https:// "
            "address; copy it whole from your chat's settings."
        )
    return webhook_url


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show pools, workers, queues, deployments and runs; exit 1 if nothing can run."""
    with _client() as client:
        from sightline.flows.server.status import Reader

        found = Reader(client).overview()
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _show(found)
    raise typer.Exit(0 if found.can_run else _UNFIT)


def _show(found: "Overview") -> None:
    table = Table("What", "Name", "State", "More")
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
        console.err.print(
            "Nothing can run: no deployment that is not paused has a pool with a worker. "
            "`make deploy` makes the deployments, `make worker POOL=cpu` starts a worker.",
            soft_wrap=True,
        )


@app.command(
    "server",
    epilog="Examples:\n\nsightline ops server\n\n"
    "PREFECT_SERVER_API_AUTH_STRING=user:password sightline ops server --host 0.0.0.0",
)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4200,
) -> None:
    """Start a Prefect server; beyond loopback only with a password."""
    api.serve(host, port)


@contextmanager
def _client() -> Iterator["SyncPrefectClient"]:
    """Talk to the configured server, quietly."""
    api.configure(verbose=False)
    api.require()
    from prefect.client.orchestration import get_client

    with api.refusals(), get_client(sync_client=True) as client:
        yield client
