"""`sightline models promote` and `rollback`: change the champion."""

from typing import Annotated

import typer

from sightline import registry
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.flows.cli import console, models_tables, options
from sightline.records.manifest import RunManifest
from sightline.registry import Event, workflow
from sightline.registry.attestation import keys
from sightline.storage.workspace import Workspace

REFUSED = 3  # Exit code if the promotion gate refuses a model
EXAMPLES = (
    "Examples:\n\nsightline models promote latest --reason 'better on rotated digits'\n\n"
    "sightline models promote 20261124T0102 --force --reason 'the champion is broken'"
)
ROLLBACK_EXAMPLES = "Example: sightline models rollback --reason 'wrong labels in production'"
_ReasonOption = Annotated[str, typer.Option(help="Reason, kept in the audit log.")]
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


def promote(
    run: options.Run,
    reason: _ReasonOption,
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


def rollback(
    reason: _ReasonOption,
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


def _show_change(event: Event, why: str) -> None:
    how = " (forced, against the gate)" if event.forced else ""
    console.say(f"The champion of {event.dataset} is {event.champion_after}{how}. {why}")
