"""`sightline ops`: the Prefect server behind scheduled runs."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from sightline.flows.cli import console, ops_metrics, ops_status, options
from sightline.flows.server import api

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Start, configure and monitor the Prefect server.",
)

_WEBHOOK = "SIGHTLINE_WEBHOOK_URL"
_GpusOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Maximum number of concurrent GPU trainings. Default: unchanged, or 1."
    ),
]
_FileArgument = Annotated[
    Path, typer.Argument(parser=options.local_path, metavar="FILE", help="File of deployments.")
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
            envvar=_WEBHOOK,
            show_envvar=True,
            help="Incoming webhook for notifications; stored on the server as a secret. Default: "
            "unchanged.",
        ),
    ] = None,
) -> None:
    """Install or update the automations and limits that scheduled runs rely on.

    Failed and late runs, promoted and refused models, drift and old champions are notified to the
    webhook, to Slack (SIGHTLINE_SLACK_URL) and by e-mail (SIGHTLINE_SENDGRID_KEY,
    SIGHTLINE_EMAIL_FROM and SIGHTLINE_EMAIL_TO).
    """
    api.configure(verbose=False)
    from sightline.flows.server import channels

    blocks = channels.configured(webhook_url)
    with api.connected() as client:
        from sightline.flows.server import automations

        done = automations.install_all(client, gpus, lost_after, blocks)
    console.out().print(console.table(("Component", "Status"), done.items()))


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


app.command(epilog=ops_status.EXAMPLES)(ops_status.status)
app.command(epilog=ops_metrics.EXAMPLES)(ops_metrics.metrics)


@app.command(epilog="Example: sightline ops check prefect.yaml")
def check(
    file: _FileArgument = Path("prefect.yaml"),
) -> None:
    """Check the parameters of the deployments in prefect.yaml before `prefect deploy`."""
    api.configure(verbose=False)
    from sightline.flows.server import deployment_file

    console.say(f"{file}: {len(deployment_file.check(file))} deployments can be made")


@app.command(epilog="Examples:\n\nsightline ops deploy\n\nsightline ops deploy --pool-type docker")
def deploy(
    file: _FileArgument = Path("prefect.yaml"),
    pool_type: Annotated[
        Literal["process", "docker", "kubernetes"] | None,
        typer.Option(
            help="Type of the work pools, which must not exist with another. Default: as they are, "
            "new ones of type process."
        ),
    ] = None,
) -> None:
    """Make the pools and deployments of prefect.yaml, and install the automations; safe to repeat.

    The templates of pools are in deploy/pools beside the file. A pool that exists is not changed.
    """
    api.configure(verbose=False)
    from sightline.flows.server import channels, deployment_file

    names = deployment_file.pools(deployment_file.check(file))
    blocks = channels.configured(os.environ.get(_WEBHOOK))
    with api.connected() as client:
        from sightline.flows.server import automations, pools

        done = pools.make(client, names, pool_type, file.parent / "deploy" / "pools")
        done |= automations.install_all(client, None, None, blocks)
    console.out().print(console.table(("Component", "Status"), done.items()))
    api.run_prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(file))


@app.command(
    "server",
    epilog="Examples:\n\nsightline ops server\n\n"
    "sightline ops server --database postgresql://prefect@127.0.0.1/prefect\n\n"
    "PREFECT_SERVER_API_AUTH_STRING=user:password sightline ops server --host 0.0.0.0",
)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4200,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Database of PostgreSQL, without the password, which is read from PGPASSWORD or "
            "~/.pgpass. Default: SQLite in ~/.prefect.",
        ),
    ] = None,
) -> None:
    """Start a Prefect server. Listening beyond loopback requires a password."""
    api.serve(host, port, database)


@app.command(
    epilog="Examples:\n\nsightline ops worker --pool cpu --limit 2\n\n"
    "sightline ops worker --pool gpu --limit 1 -- --name gpu-0 --with-healthcheck"
)
def worker(
    pool: Annotated[str, typer.Option(help="Pool whose runs it takes.")],
    limit: Annotated[int, typer.Option(min=1, help="Number of runs at a time.")] = 1,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- OPTIONS", help="More options of `prefect worker start`."),
    ] = None,
) -> None:
    """Run a worker of a pool, and start it again when it dies; Ctrl-C ends it, and its runs."""
    api.configure(verbose=True)
    api.require()
    from sightline.flows.server.supervisor import supervise

    supervise(["worker", "start", "--pool", pool, "--limit", str(limit), *(options or ())])
