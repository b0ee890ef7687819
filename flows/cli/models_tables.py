"""Tables of registered models, their history and promotion decisions."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.filesize import decimal
from rich.table import Table

from sightline import registry
from sightline.experiments import run_folder
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
    "prune": "pruned",
}
_CERTIFICATE = {True: "all formats agree", False: "some formats disagree and are left out"}


def models(found: Sequence[Version], aliases: Mapping[str, str]) -> Table:
    """List versions; `aliases` maps their names to aliases."""
    rows = [
        (
            version.name,
            aliases.get(version.name, ""),
            _time(version.created),
            plain(version.recipe),
            f"{version.accuracy:.2%}",
            console.percent(version.balanced_accuracy),
            plain(formats(version)),
            plain(run_folder.short_id(version.run_id)),
        )
        for version in found
    ]
    accuracies = ("Accuracy", "Balanced")
    columns = ("Version", "Alias", "Registered (UTC)", "Recipe", *accuracies, "Formats", "Run")
    return console.table(columns, rows, wide=[2, 5, 6])


def model(version: Version, alias: str, workspace: Workspace) -> Table:
    """Show one version."""
    low, high = version.accuracy_interval
    certificate, calibration = version.certificate, version.calibration_error
    rows = {
        "alias": alias or "none",
        "registered": f"{_time(version.created)} UTC",
        "run": version.run_id,
        "recipe": version.recipe,
        "test accuracy": f"{version.accuracy:.2%} ({low:.2%} to {high:.2%})",
        "balanced accuracy": console.percent(version.balanced_accuracy) or "not measured",
        "loss": f"{version.loss:.4f}",
        "calibration error": "not measured" if calibration is None else f"{calibration:.4f}",
        "parameters": f"{version.parameters:,}",
        "images": " x ".join(str(side) for side in version.image_shape),
        "classes": ", ".join(version.class_names),
        "formats": formats(version),
        "certificate": "none" if certificate is None else _CERTIFICATE[certificate.passed],
        "files": f"{len(version.files)}, {decimal(sum(f.bytes for f in version.files.values()))}",
        "folder": str(workspace.root / version.folder),
        "model_sha256": version.model.sha256,
        "weights_sha256": version.weights_sha256,
        "holdout_sha256": version.holdout_sha256,
    }
    shown = ((name, plain(value)) for name, value in rows.items())
    return console.table(("Version", version.name), shown)


def events(found: Sequence[Event]) -> Table:
    """List events in the order given."""
    rows = (
        (
            plain(event.version),
            _time(event.created),
            _ACTIONS[event.action] + (" (forced)" if event.forced else ""),
            plain(event.champion_after or "none"),
            "" if event.decision is None else _numbers(event.decision),
            plain(event.who),
            _reason(event),
        )
        for event in found
    )
    columns = ("Version", "Time (UTC)", "Event", "Champion after", "Accuracy", "By", "Reason")
    return console.table(columns, rows, wide=[3, 4, 5])


def criteria(decision: Decision) -> Table:
    """Show the criteria of the promotion gate."""
    marks = {"passed": "[green]passed", "failed": "[bold red]failed", "skipped": "[dim]skipped"}
    rows = ((plain(one.name), marks[one.outcome], plain(one.sentence)) for one in decision.criteria)
    return console.table(("Criterion", "Result", "Details"), rows)


def show_none(workspace: Workspace, dataset: str | None) -> None:
    """Print that the registry, or the data set asked for, has no models, and what adds one."""
    text = f"No models in {workspace} yet; `sightline models promote RUN` promotes a run's model."
    others = [name for name in registry.datasets(workspace) if name != dataset]
    if dataset is not None and others:
        text = f"No models of {dataset} in {workspace}; there are models of {', '.join(others)}."
    console.say(text)


def formats(version: Version) -> str:
    """Name the formats in which a version is available."""
    exports = version.certificate.exports if version.certificate else ()
    passed: list[str] = [export.format for export in exports if export.passed]
    keras = "keras" if "keras" in passed else "keras (not certified)"
    return ", ".join([keras, *(name for name in passed if name != "keras")])


def _reason(event: Event) -> str:
    """Show the given reason, and below it the decision of the gate."""
    decision = event.decision.sentence if event.decision else ""
    parts = [event.reason] if decision in event.reason else [event.reason, decision]
    return "\n".join(plain(part) for part in parts if part)


def _numbers(decision: Decision) -> str:
    if decision.champion_accuracy is None:
        return f"{decision.accuracy:.2%}"
    p_value = "" if decision.p_value is None else f", p = {decision.p_value:.2g}"
    return f"{decision.accuracy:.2%} (before {decision.champion_accuracy:.2%}{p_value})"


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
