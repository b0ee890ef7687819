"""`sightline ops status`: champions, what is next, what needs a person, and all that runs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from sightline.flows.cli import console, options
from sightline.flows.server import api
from sightline.records.health import Health
from sightline.registry import health
from sightline.reporting import status_page

if TYPE_CHECKING:
    from sightline.flows.server.needs import Need
    from sightline.flows.server.status import Overview

EXAMPLES = (
    "Examples:\n\nsightline ops status --artifacts /srv/sightline\n\n"
    "sightline ops status --output status.html"
)
_COLOURS = {"Running": "cyan"}
_COLOURS |= dict.fromkeys(("ready", "online", "Completed"), "green")
_COLOURS |= dict.fromkeys(("Failed", "Crashed", "TimedOut", "Late"), "red")
_NEXT = 3  # Number of scheduled runs that are shown


def status(
    output: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path, metavar="FILE.html", help="Also write this as a page."
        ),
    ] = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Show champions, what is next and what needs you, then pools, workers, deployments and runs.

    Exit with 1 if nothing can run.
    """
    with api.connected() as client:
        from sightline.flows.server import needs
        from sightline.flows.server.status import Reader

        found = Reader(client).overview()
    champions = health.champions(workspace)
    wanted = needs.find(workspace, found, champions)
    if as_json:
        typer.echo(json.dumps(_content(found, champions, wanted), ensure_ascii=False))
    else:
        _show(found, champions, wanted)
    if output:
        status_page.write(
            output.absolute(),
            str(workspace),
            champions,
            [(one.problem, one.remedy) for one in wanted],
            found.next,
            [(one.kind, one.name, one.state, one.detail) for one in found.rows],
        )
        console.note(f"Page: {output}")
    raise typer.Exit(0 if found.can_run else 1)


def _content(
    found: "Overview", champions: Sequence[Health], wanted: Sequence["Need"]
) -> dict[str, object]:
    return {
        "rows": [asdict(row) for row in found.rows],
        "can_run": found.can_run,
        "next": [{"deployment": name, "time": when.isoformat()} for name, when in found.next],
        "champions": [
            {**one.model_dump(mode="json"), "age_days": one.age_days} for one in champions
        ],
        "needs": [asdict(one) for one in wanted],
    }


def _show(found: "Overview", champions: Sequence[Health], wanted: Sequence["Need"]) -> None:
    if champions:
        console.out().print(_champions(champions))
    upcoming = ", ".join(
        f"{name} {when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for name, when in found.next[:_NEXT]
    )
    console.say(f"Next: {upcoming or 'nothing is scheduled'}")
    console.out().print(_infrastructure(found))
    if wanted:
        rows = [(console.plain(one.problem), console.plain(one.remedy)) for one in wanted]
        console.out().print(console.table(("What needs you", "Do"), rows))
    else:
        console.say("Nothing needs you.")
    if not found.can_run:
        console.note(
            "Nothing can run: no active deployment has a pool with a worker. `sightline ops worker "
            "--pool cpu` starts a worker; `sightline ops deploy` makes the pools and deployments "
            "of a prefect.yaml."
        )


def _champions(champions: Sequence[Health]) -> Table:
    rows = [
        (
            console.plain(one.dataset),
            console.plain(one.champion or "none"),
            console.damage_mark(one.damages) if one.champion or one.damages else "",
            _registered(one),
            status_page.accuracy(one),
            console.plain(status_page.live(one)),
            console.plain(one.decision),
        )
        for one in champions
    ]
    columns = (
        "Data set",
        "Champion",
        "Files",
        "Registered (UTC)",
        "Accuracy",
        "Live",
        "Last decision",
    )
    return console.table(columns, rows, wide=[5])


def _registered(one: Health) -> str:
    if one.registered is None:
        return ""
    return f"{one.registered.astimezone(UTC):%Y-%m-%d}, {one.age_days} days"


def _infrastructure(found: "Overview") -> Table:
    table = Table("Type", "Name", "State", Column("Details", overflow="fold"))
    kind = ""
    for row in found.rows:
        if kind and row.kind != kind:
            table.add_section()
        colour = _COLOURS.get(row.state)
        state = f"[{colour}]{row.state}[/{colour}]" if colour else console.plain(row.state)
        shown = "" if row.kind == kind else row.kind
        table.add_row(shown, console.plain(row.name), state, console.plain(row.detail))
        kind = row.kind
    return table
