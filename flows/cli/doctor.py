"""`sightline doctor`: checks the installation before the first run."""

import typer

from sightline.flows.cli import console, options
from sightline.flows.server import api
from sightline.pipeline import doctor as diagnosis
from sightline.training import device


def doctor(workspace: options.Workspace = options.WORKSPACE) -> None:
    """Check versions, device, server, storage and free disk space. Exit with 1 on a problem."""
    checks = diagnosis.check_all(workspace, api.configured_url(), device.describe)
    marks = {True: "[green]ok[/green]", False: "[bold red]failed[/bold red]"}
    rows = [(check.name, marks[check.passed], console.plain(check.found)) for check in checks]
    console.out().print(console.table(("Check", "Result", "Details"), rows))
    raise typer.Exit(0 if all(check.passed for check in checks) else 1)
