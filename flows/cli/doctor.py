"""`sightline doctor`: checks the installation before the first run."""

import json
from dataclasses import asdict

import typer

from sightline.flows.cli import console, options
from sightline.flows.server import api
from sightline.pipeline import doctor as diagnosis
from sightline.training import device

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: sightline doctor --artifacts /srv/sightline")
def doctor(workspace: options.Workspace = options.WORKSPACE, as_json: options.Json = False) -> None:
    """Check versions, device, server, storage and free disk space. Exit with 1 on a problem."""
    checks = diagnosis.check_all(workspace, api.configured_url(), device.describe)
    failed = not all(check.passed for check in checks)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False))
        raise typer.Exit(failed)
    marks = {True: "[green]ok[/green]", False: "[bold red]failed[/bold red]"}
    rows = [(check.name, marks[check.passed], console.plain(check.found)) for check in checks]
    console.out().print(console.table(("Check", "Result", "Details"), rows))
    raise typer.Exit(failed)
