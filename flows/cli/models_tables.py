"""How models of the store, their history and a decision look in the terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from sightline import registry
from sightline.flows.cli import console
from sightline.flows.cli.console import plain
from sightline.records import Decision
from sightline.registry import Event, Version
from sightline.storage.workspace import Workspace

_ACTIONS = {
    "register": "registered",
    "promote": "promoted",
    "refuse": "refused",
    "rollback": "rolled back to",
}


def models(found: Sequence[Version], aliases: Mapping[str, str]) -> Table:
    """List versions.

    Args:
        found: The versions.
        aliases: Name of a version to its alias.
    """
    table = Table("Version", "Alias", "Registered, UTC", "Recipe", "Test accuracy", "Forms", "Run")
    table.columns[0].no_wrap = True  # names and ids are there to be copied
    table.columns[6].overflow = "fold"
    for version in found:
        table.add_row(
            version.name,
            aliases.get(version.name, ""),
            _time(version.created),
            plain(version.recipe),
            f"{version.accuracy:.2%}",
            plain(forms(version)),
            plain(version.run_id),
        )
    return table


def model(version: Version, alias: str, workspace: Workspace) -> Table:
    """Show one version."""
    table = Table("Version", version.name, title_justify="left")
    table.columns[1].overflow = "fold"  # a digest is there to be compared
    low, high = version.accuracy_interval
    certificate, calibration = version.certificate, version.calibration_error
    rows = {
        "alias": alias or "none",
        "registered": f"{_time(version.created)} UTC",
        "run": version.run_id,
        "recipe": version.recipe,
        "test accuracy": f"{version.accuracy:.2%} ({low:.2%} to {high:.2%})",
        "loss": f"{version.loss:.4f}",
        "calibration error": "not measured" if calibration is None else f"{calibration:.4f}",
        "parameters": f"{version.parameters:,}",
        "images": " x ".join(str(side) for side in version.image_shape),
        "classes": ", ".join(version.class_names),
        "forms": forms(version),
        "certificate": "none" if certificate is None else _certificate(certificate.passed),
        "files": f"{len(version.files)}, {decimal(sum(f.bytes for f in version.files.values()))}",
        "folder": str(workspace.root / version.folder),
        "model_sha256": version.model.sha256,
        "weights_sha256": version.weights_sha256,
        "holdout_sha256": version.holdout_sha256,
    }
    for name, value in rows.items():
        table.add_row(name, plain(value))
    return table


def events(found: Sequence[Event]) -> Table:
    """List what was done, in the order given."""
    table = Table("When, UTC", "What", "Version", "Champion then", "Accuracy", "Who", "Why")
    table.columns[2].no_wrap = True
    for event in found:
        forced = " by force" if event.forced else ""
        table.add_row(
            _time(event.created),
            _ACTIONS[event.action] + forced,
            plain(event.version),
            plain(event.champion_after or "none"),
            "" if event.decision is None else _numbers(event.decision),
            plain(event.who),
            _why(event),
        )
    return table


def criteria(decision: Decision) -> Table:
    """Show what the promotion gate asked."""
    table = Table("Criterion", "", "Found")
    for criterion in decision.criteria:
        mark = "[green]passed[/green]" if criterion.passed else "[bold red]failed[/bold red]"
        table.add_row(plain(criterion.name), mark, plain(criterion.sentence))
    return table


def show_none(given: Path, dataset: str | None) -> None:
    """Say that the store, or a data set that was asked for, has no models, and what fills it.

    Args:
        given: The artifacts root as it was given.
        dataset: The only data set that was asked for.
    """
    text = f"No models in {given} yet; `sightline models promote RUN` makes a run's the champion."
    others = [name for name in registry.datasets(Workspace(given.resolve())) if name != dataset]
    if dataset is not None and others:
        text = f"No models of {dataset} in {given}; there are models of {', '.join(others)}."
    console.out().print(text, soft_wrap=True, markup=False)


def forms(version: Version) -> str:
    """Name the forms in which a version is shipped."""
    exports = version.certificate.exports if version.certificate else ()
    passed: list[str] = [export.format for export in exports if export.passed]
    keras = "keras" if "keras" in passed else "keras (not certified)"
    return ", ".join([keras, *(form for form in passed if form != "keras")])


def _certificate(passed: bool) -> str:
    return "all forms agree" if passed else "not all forms agree; those that do not are left out"


def _why(event: Event) -> str:
    """Show the reason that somebody gave, and below it what the gate said."""
    said = event.decision.sentence if event.decision else ""
    parts = [event.reason] if said in event.reason else [event.reason, said]
    return "\n".join(plain(part) for part in parts if part)


def _numbers(decision: Decision) -> str:
    if decision.champion_accuracy is None:
        return f"{decision.accuracy:.2%}"
    p_value = "" if decision.p_value is None else f", p = {decision.p_value:.2g}"
    return f"{decision.accuracy:.2%} (before {decision.champion_accuracy:.2%}{p_value})"


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
