"""`sightline models`: the model registry."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from sightline import registry
from sightline.flows.cli import (
    console,
    models_export,
    models_promote,
    models_prune,
    models_tables,
    models_verify,
    options,
)
from sightline.registry import Event, Version
from sightline.registry.attestation import keys
from sightline.storage.workspace import Workspace

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, promote, roll back, export, verify and prune registered models.",
)


@app.command("list", epilog="Example: sightline models list --dataset mnist --json")
def list_models(
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """List registered versions with their aliases."""
    wanted = options.dataset_slug(dataset)
    found = registry.versions(workspace, wanted, console.show_skipped)
    aliases = _aliases(workspace, found)
    if as_json:
        typer.echo(json.dumps([_described(version, aliases) for version in found]))
    elif found:
        console.out().print(models_tables.models(found, aliases))
    else:
        models_tables.show_none(workspace, wanted)


@app.command(epilog="Example: sightline models show champion --dataset mnist")
def show(
    model: options.Model,
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Show a version: its metrics, its files and its history."""
    version = registry.resolve(workspace, model, options.dataset_slug(dataset))
    aliases = _aliases(workspace, [version])
    if as_json:
        typer.echo(json.dumps(_described(version, aliases)))
        return
    events = registry.history(workspace, version.dataset)
    out = console.out()
    out.print(models_tables.model(version, aliases.get(version.name, ""), workspace))
    out.print(models_tables.events([one for one in events if one.version == version.name]))


app.command(epilog=models_promote.EXAMPLES)(models_promote.promote)
app.command(epilog=models_promote.ROLLBACK_EXAMPLES)(models_promote.rollback)


@app.command(epilog="Example: sightline models history --dataset mnist --json")
def history(
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Show the audit log, oldest entry first: registrations, promotions, refusals, rollbacks."""
    wanted = options.dataset_slug(dataset)
    events = registry.history(workspace, wanted)
    if as_json:
        typer.echo(TypeAdapter(list[Event]).dump_json(events))
    elif events:
        console.out().print(models_tables.events(events))
    else:
        models_tables.show_none(workspace, wanted)


app.command(epilog=models_verify.EXAMPLES)(models_verify.verify)
app.command(epilog=models_export.EXAMPLES)(models_export.export)
app.command(epilog=models_prune.EXAMPLES)(models_prune.prune)


@app.command(epilog="Example: sightline models keygen ~/.config/sightline/signing.pem")
def keygen(
    path: Annotated[
        Path,
        typer.Argument(
            parser=options.local_path,
            metavar="PATH",
            help="Path of the private key; the public key gets the suffix .pub.",
        ),
    ],
) -> None:
    """Create an Ed25519 key pair to sign the provenance of promoted versions."""
    public = keys.generate(path.absolute())
    console.say(f"Private key: {path}  (mode 0600; keep it secret)")
    console.say(f"Public key: {public}")
    console.say(f"To sign promotions, set {keys.VARIABLE} to the path of the private key.")


def _aliases(workspace: Workspace, found: Sequence[Version]) -> dict[str, str]:
    """Map the names of versions to their aliases."""
    named: dict[str, str] = {}
    for dataset in dict.fromkeys(version.dataset for version in found):
        aliases = registry.aliases(workspace, dataset)
        for alias, version in (("candidate", aliases.candidate), ("champion", aliases.champion)):
            if version is not None:
                named[version] = alias
    return named


def _described(version: Version, aliases: dict[str, str]) -> dict[str, Any]:
    alias = aliases.get(version.name)
    return {"name": version.name, "alias": alias, **version.model_dump(mode="json")}
