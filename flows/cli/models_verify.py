"""`sightline models verify`: whether models, their log and their signatures are intact."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline import registry
from sightline.errors import InputError
from sightline.flows.cli import console, models_tables
from sightline.flows.cli.model_options import ModelDatasetOption, slug
from sightline.flows.cli.options import ArtifactsOption
from sightline.registry import Verdict, attestation
from sightline.runs.verify import Damage
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline models verify\n\nsightline models verify champion --key signing.pem.pub"
)
Signed = dict[str, tuple[Damage, ...]]


def verify(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="champion, candidate, or a version; all by default."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Public key: check the signed provenance of promoted versions, too."),
    ] = None,
    dataset: ModelDatasetOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Compare every file of a version, or of all, with its digest; exit 1 if one is damaged.

    The audit log is checked as well, and with a key the signature of every promoted version.
    """
    root = artifacts.resolve()
    wanted = slug(dataset)
    names = _chosen(Workspace(root), model, wanted)
    found = [] if model else _of_logs(Workspace(root), wanted)
    if not names and not found:
        models_tables.show_none(artifacts, wanted)
        return
    verdicts = [registry.verify(Workspace(root), name) for name in names]
    signed = (
        {} if key is None else _signatures(Workspace(root), names, key, asked=model is not None)
    )
    console.out().print(_table(Workspace(root), verdicts, signed, with_key=key is not None))
    found += [damage for verdict in verdicts for damage in verdict.damages]
    found += [damage for damages in signed.values() for damage in damages]
    damages = list(dict.fromkeys(found))  # versions share their log
    for damage in damages:
        text = f"{damage.path}: expected {damage.expected}, found {damage.found}"
        console.err.print(text, soft_wrap=True, markup=False)
    raise typer.Exit(1 if damages else 0)


def _chosen(workspace: Workspace, model: str | None, dataset: str | None) -> list[str]:
    """Name the versions to check; one named outright even where the log is damaged."""
    if model is None:
        return registry.names(workspace, dataset)
    if dataset is not None and model not in (
        *registry.ALIASES,
        *registry.names(workspace, dataset),
    ):
        raise InputError(
            f"There is no version {model[:60]!r} of {dataset} in {workspace}; see "
            f"`sightline models list --dataset {dataset}`."
        )
    return [registry.find(workspace, model, dataset) if model in registry.ALIASES else model]


def _of_logs(workspace: Workspace, dataset: str | None) -> list[Damage]:
    """Check the logs, also of a data set that has lost its versions."""
    asked = registry.datasets(workspace) if dataset is None else [dataset]
    return [damage for one in asked for damage in registry.verify_log(workspace, one)]


def _signatures(workspace: Workspace, names: Sequence[str], key: Path, *, asked: bool) -> Signed:
    """Check the provenance of versions that were asked for, or else once promoted or signed."""
    signed = {
        name for name in names if attestation.exists(workspace, name)
    }  # whatever the log says
    wanted = set(names) if asked else _promoted(workspace) | signed
    return {name: attestation.verify(workspace, name, key) for name in names if name in wanted}


def _promoted(workspace: Workspace) -> set[str]:
    found: set[str] = set()
    for dataset in registry.datasets(workspace):
        with suppress(InputError):  # a damaged log, which the verdicts name
            events = registry.history(workspace, dataset)
            found.update(event.version for event in events if event.action == "promote")
    return found


def _table(
    workspace: Workspace, verdicts: Sequence[Verdict], signed: Signed, *, with_key: bool
) -> Table:
    table = Table("Version", "Files", "Size", "Result", *(["Signature"] if with_key else []))
    for verdict in verdicts:
        row = [console.plain(verdict.version), f"{verdict.files:,}", decimal(verdict.bytes)]
        row.append(_result(verdict.damages))
        if with_key:
            row.append(_signature(workspace, verdict.version, signed.get(verdict.version)))
        table.add_row(*row)
    return table


def _result(damages: Sequence[Damage]) -> str:
    return f"[bold red]damaged: {len(damages)}[/bold red]" if damages else "[green]ok[/green]"


def _signature(workspace: Workspace, name: str, damages: Sequence[Damage] | None) -> str:
    if damages is None:
        return "not promoted"
    if damages and not attestation.exists(workspace, name):
        return "[bold red]not signed[/bold red]"
    return _result(damages)
