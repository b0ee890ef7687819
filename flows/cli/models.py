"""`sightline models`: which models are shipped, and why."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from sightline import registry
from sightline.errors import InputError
from sightline.flows.cli import console, models_tables, models_verify
from sightline.flows.cli.model_options import ModelArgument, ModelDatasetOption, slug
from sightline.flows.cli.options import ArtifactsOption
from sightline.records.manifest import RunManifest
from sightline.registry import Event, Version, attestation, workflow
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

REFUSED = 3
"""Exit code where the promotion gate does not let a model pass."""

app = typer.Typer(
    no_args_is_help=True, help="List, show, promote, roll back and check the models in use."
)

ReasonOption = Annotated[str, typer.Option(help="Why, for people; kept in the audit log.")]


@app.command("list", epilog="Example: sightline models list --dataset mnist --json")
def list_models(
    dataset: ModelDatasetOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the versions in the model store, with their aliases."""
    root = artifacts.resolve()
    wanted = slug(dataset)
    found = registry.versions(Workspace(root), wanted, console.show_left_out)
    aliases = _aliases(Workspace(root), found)
    if as_json:
        typer.echo(json.dumps([_described(version, aliases) for version in found]))
    elif found:
        console.out().print(models_tables.models(found, aliases))
    else:
        models_tables.show_none(artifacts, wanted)


@app.command(epilog="Example: sightline models show champion --dataset mnist")
def show(
    model: ModelArgument,
    dataset: ModelDatasetOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a version: what it can, what it consists of, and what was done with it."""
    root = artifacts.resolve()
    version = registry.resolve(Workspace(root), model, slug(dataset))
    aliases = _aliases(Workspace(root), [version])
    if as_json:
        typer.echo(json.dumps(_described(version, aliases)))
        return
    out = console.out()
    out.print(models_tables.model(version, aliases.get(version.name, ""), Workspace(root)))
    done = [
        e for e in registry.history(Workspace(root), version.dataset) if e.version == version.name
    ]
    out.print(models_tables.events(done))


@app.command(
    epilog="Examples:\n\nsightline models promote latest --reason 'better on rotated digits'\n\n"
    "sightline models promote 20261124T0102 --force --reason 'the champion is broken'"
)
def promote(
    run: Annotated[str, typer.Argument(help='Run id, the first characters of one, or "latest".')],
    reason: ReasonOption,
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever the gate says; the log says so.")
    ] = False,
    rebaseline: Annotated[
        bool,
        typer.Option(
            "--rebaseline",
            help="Score the champion anew where the test images changed since it was promoted.",
        ),
    ] = False,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Compare a run's model with the champion, and let it take its place if it is better.

    Where the promotion gate refuses it the exit code is 3. With a signing key the provenance is
    signed, also that of a run whose model is the champion already.
    """
    signs = attestation.configured() is not None
    console.show_log(verbose=False)
    root = artifacts.resolve()
    registry.check_reason(reason)
    manifest = run_folder.read(Workspace(root), run)
    own = _own_champion(Workspace(root), manifest)
    if own is not None and not (force and registry.verify(Workspace(root), own).damages):
        _sign_champion(Workspace(root), own, manifest, reason, signs=signs)
        return
    version, decision = workflow.evaluate_run(
        Workspace(root), manifest, rebaseline=rebaseline, force=force
    )
    out = console.out()
    out.print(models_tables.criteria(decision))
    if not (decision.promote or force):
        registry.refuse(Workspace(root), version, decision, reason)
        why = decision.sentence.removeprefix("Refused: ")
        out.print(f"Refused {version.name}: {why}", soft_wrap=True, markup=False)
        raise typer.Exit(REFUSED)
    event = registry.promote(
        Workspace(root), version, reason, decision, decision.champion, forced=not decision.promote
    )
    _show_change(event, decision.sentence)


@app.command(epilog="Example: sightline models rollback --reason 'wrong labels in production'")
def rollback(
    reason: ReasonOption,
    dataset: Annotated[
        str | None,
        typer.Option(help="Whose champion; may be left out where only one data set has one."),
    ] = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Make the champion before the present one the champion again; twice goes further back."""
    console.show_log(verbose=False)
    root = artifacts.resolve()
    present = registry.find(
        Workspace(root), "champion", slug(dataset)
    )  # which may be damaged or gone
    event = registry.rollback(Workspace(root), present.rpartition("-v")[0], reason, present)
    _show_change(event, f"{event.champion_before} was before.")


@app.command(epilog="Example: sightline models history --dataset mnist --json")
def history(
    dataset: ModelDatasetOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List what was done with the models, by whom and why; the oldest first."""
    wanted = slug(dataset)
    events = registry.history(Workspace(artifacts.resolve()), wanted)
    if as_json:
        typer.echo(TypeAdapter(list[Event]).dump_json(events))
    elif events:
        console.out().print(models_tables.events(events))
    else:
        models_tables.show_none(artifacts, wanted)


app.command(epilog=models_verify.EXAMPLES)(models_verify.verify)


@app.command(epilog="Example: sightline models keygen ~/.config/sightline/signing.pem")
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes; .pub is added.")],
) -> None:
    """Make an Ed25519 key pair that signs the provenance of promoted versions."""
    public = attestation.generate(path.absolute())
    out = console.out()
    for line in (
        f"Private key: {path}  (mode 0600; keep it secret)",
        f"Public key: {public}",
        f"Promotions are signed where {attestation.VARIABLE} is the path of the private key.",
    ):
        out.print(line, soft_wrap=True, markup=False)


def _own_champion(workspace: Workspace, manifest: RunManifest) -> str | None:
    """Name the champion if it is the model of this very run; it may be damaged or gone."""
    dataset = manifest.records.ingest.dataset
    if registry.run_of(workspace, dataset, "champion") != manifest.run_id:
        return None
    return registry.find(workspace, "champion", dataset)


def _sign_champion(
    workspace: Workspace, name: str, manifest: RunManifest, reason: str, *, signs: bool
) -> None:
    """Sign the champion's provenance; refuse a run that needs nothing else where there is no key.

    Raises:
        InputError: There is no key, or the version is damaged.
    """
    if not signs:
        raise InputError(
            f"The champion {name} is the model of run {manifest.run_id}. Where its files are "
            "damaged, --force makes another version of the run the champion."
        )
    version = registry.resolve(workspace, name)
    registry.promote(
        workspace, version, reason, None, name, forced=True
    )  # it is the champion: only signs
    console.out().print(f"Signed {name}, which is the champion already.", soft_wrap=True)


def _aliases(workspace: Workspace, found: Sequence[Version]) -> dict[str, str]:
    """Return the name of a version to its alias."""
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
    how = " by force, against the gate" if event.forced else ""
    text = f"The champion of {event.dataset} is {event.champion_after}{how}. {why}"
    console.out().print(text, soft_wrap=True, markup=False)
