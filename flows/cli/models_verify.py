"""`sightline models verify`: checks models, their audit log and their signatures."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline import registry
from sightline.errors import InputError
from sightline.experiments.verify import Damage
from sightline.flows.cli import console, models_tables, options
from sightline.registry import VersionCheck
from sightline.registry.attestation import sign
from sightline.registry.attestation import verify as attestation
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline models verify\n\nsightline models verify champion --key signing.pem.pub"
)
Signatures = dict[str, tuple[Damage, ...]]


def verify(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="champion, candidate, or a version. Default: all."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            parser=options.local_path,
            metavar="FILE",
            help="Public key; also verifies the signatures of promoted versions.",
        ),
    ] = None,
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Verify the digest of every file of a version, or of all. Exit with 1 on damage.

    The audit log is verified too and, with --key, the signature of every promoted version.
    """
    wanted = options.dataset_slug(dataset)
    names = _chosen(workspace, model, wanted)
    found: list[Damage] = []
    if not model:  # also the logs of data sets that have lost their versions
        datasets = registry.datasets(workspace) if wanted is None else [wanted]
        found = [damage for one in datasets for damage in registry.verify_log(workspace, one)]
    if not names and not found and not as_json:
        models_tables.show_none(workspace, wanted)
        return
    verdicts = [registry.verify(workspace, name) for name in names]
    signatures = {}
    if key is not None:
        signatures = _signatures(workspace, names, key, asked=model is not None)
    found += [damage for verdict in verdicts for damage in verdict.damages]
    found += [damage for damages in signatures.values() for damage in damages]
    found = list(dict.fromkeys(found))  # versions share their log
    if as_json:
        typer.echo(_json(verdicts, found))
    else:
        console.out().print(_table(workspace, verdicts, signatures, with_key=key is not None))
        console.show_damages(found)
    raise typer.Exit(1 if found else 0)


def _json(verdicts: Sequence[VersionCheck], damages: Sequence[Damage]) -> str:
    lists = {"versions": verdicts, "damages": damages}
    content = {name: [one.model_dump(mode="json") for one in lists[name]] for name in lists}
    return json.dumps(content, ensure_ascii=False)


def _chosen(workspace: Workspace, model: str | None, dataset: str | None) -> list[str]:
    """Name the versions to verify; a version can be named even if the log is damaged."""
    if model is None:
        return registry.names(workspace, dataset)
    if model in registry.ALIASES:
        return [registry.find(workspace, model, dataset)]
    if dataset is not None and model not in registry.names(workspace, dataset):
        raise InputError(
            f"There is no version {model[:60]!r} of {dataset} in {workspace}; see "
            f"`sightline models list --dataset {dataset}`."
        )
    return [model]


def _signatures(
    workspace: Workspace, names: Sequence[str], key: Path, *, asked: bool
) -> Signatures:
    """Verify the provenance of the versions asked for, or of all once promoted or signed."""
    if not asked:
        promoted = _promoted(workspace)
        # Signed versions count whatever the log says.
        names = [one for one in names if one in promoted or sign.exists(workspace, one)]
    return {name: attestation.verify(workspace, name, key) for name in names}


def _promoted(workspace: Workspace) -> set[str]:
    found: set[str] = set()
    for dataset in registry.datasets(workspace):
        with suppress(InputError):  # a damaged log, which the verdicts name
            events = registry.history(workspace, dataset)
            found.update(event.version for event in events if event.action == "promote")
    return found


def _table(
    workspace: Workspace,
    verdicts: Sequence[VersionCheck],
    signatures: Signatures,
    *,
    with_key: bool,
) -> Table:
    table = Table("Version", "Files", "Size", "Result", *(["Signature"] if with_key else []))
    for verdict in verdicts:
        row = [console.plain(verdict.version), f"{verdict.files:,}", decimal(verdict.bytes)]
        row.append(console.damage_mark(verdict.damages))
        if with_key:
            row.append(_signature(workspace, verdict.version, signatures.get(verdict.version)))
        table.add_row(*row)
    return table


def _signature(workspace: Workspace, name: str, damages: Sequence[Damage] | None) -> str:
    if damages is None:
        return "not promoted"
    if damages and not sign.exists(workspace, name):
        return "[bold red]not signed[/bold red]"
    return console.damage_mark(damages)
