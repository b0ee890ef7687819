"""`sightline models`: the model registry."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from sightline import registry
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.flows.cli import (
    console,
    models_export,
    models_prune,
    models_tables,
    models_verify,
    options,
)
from sightline.records.manifest import RunManifest
from sightline.registry import Event, Version, workflow
from sightline.registry.attestation import keys
from sightline.storage.workspace import Workspace

REFUSED = 3  # Exit code if the promotion gate refuses a model
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, promote, roll back, export, verify and prune registered models.",
)

ReasonOption = Annotated[str, typer.Option(help="Reason, kept in the audit log.")]
_ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Promote even if the gate refuses; the audit log records that."),
]
_RebaselineOption = Annotated[
    bool,
    typer.Option(
        "--rebaseline",
        help="Score the champion again if the test images changed since its promotion.",
    ),
]


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


@app.command(
    epilog="Examples:\n\nsightline models promote latest --reason 'better on rotated digits'\n\n"
    "sightline models promote 20261124T0102 --force --reason 'the champion is broken'"
)
def promote(
    run: options.Run,
    reason: ReasonOption,
    force: _ForceOption = False,
    rebaseline: _RebaselineOption = False,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Compare a run's model with the champion, and promote it if it is better.

    Exit code 3: the promotion gate refuses the model. With a signing key, the provenance is
    signed, even if the run's model is already the champion.
    """
    signs = keys.configured() is not None
    console.show_log(verbose=False)
    registry.check_reason(reason)
    manifest = run_folder.read(workspace, run)
    own = _own_champion(workspace, manifest)
    if own is not None and not (force and registry.verify(workspace, own).damages):
        _sign_champion(workspace, own, manifest, reason, signs=signs)
        return
    version, decision = workflow.evaluate_run(
        workspace, manifest, rebaseline=rebaseline, force=force
    )
    console.out().print(models_tables.criteria(decision))
    if not (decision.promote or force):
        registry.refuse(workspace, version, decision, reason)
        console.say(f"Refused {version.name}: {decision.sentence.removeprefix('Refused: ')}")
        raise typer.Exit(REFUSED)
    event = registry.promote(
        workspace, version, reason, decision, decision.champion, forced=not decision.promote
    )
    _show_change(event, decision.sentence)


@app.command(epilog="Example: sightline models rollback --reason 'wrong labels in production'")
def rollback(
    reason: ReasonOption,
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set of the champion. Optional if only one data set has one."),
    ] = None,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Restore the previous champion. Run it twice to go back two versions."""
    console.show_log(verbose=False)
    # The champion's name alone: its files may be damaged or missing.
    present = registry.find(workspace, "champion", options.dataset_slug(dataset))
    event = registry.rollback(workspace, present.rpartition("-v")[0], reason, present)
    _show_change(event, f"It replaces {event.champion_before}.")


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


def _own_champion(workspace: Workspace, manifest: RunManifest) -> str | None:
    """Name the champion if it is the model of this run; its files may be damaged or missing."""
    dataset = manifest.records.ingest.dataset
    is_own = registry.run_of(workspace, dataset, "champion") == manifest.run_id
    return registry.find(workspace, "champion", dataset) if is_own else None


def _sign_champion(
    workspace: Workspace, name: str, manifest: RunManifest, reason: str, *, signs: bool
) -> None:
    """Sign the champion's provenance; without a key, nothing is left to do: an InputError."""
    if not signs:
        raise InputError(
            f"The champion {name} already is the model of run {manifest.run_id}. If its files "
            "are damaged, --force registers the run again and promotes that version."
        )
    version = registry.resolve(workspace, name)
    registry.promote(workspace, version, reason, None, name, forced=True)  # it only signs
    console.say(f"Signed {name}, which already is the champion.")


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


def _show_change(event: Event, why: str) -> None:
    how = " (forced, against the gate)" if event.forced else ""
    console.say(f"The champion of {event.dataset} is {event.champion_after}{how}. {why}")
