"""The data gate: judges what ingest found in the images, before anything is trained on them."""

from collections.abc import Sequence
from typing import Literal

from sightline.config import DataGateConfig, Limit
from sightline.data.validation import checks, drift
from sightline.data.validation.checks import Measure
from sightline.errors import DataError, StageError
from sightline.records import Check, DataGateResult, DatasetFiles, Run
from sightline.records.manifest import RunManifest
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace


def judge(run: Run, files: DatasetFiles, settings: DataGateConfig) -> DataGateResult:
    """Let a data set pass, with or without warnings, or stop the run.

    Args:
        run: Gives the artifacts root, where earlier runs lie.
        files: The ingested data set.
        settings: What passes, and what happens beyond.

    Returns:
        The verdict.

    Raises:
        DataError: A check whose action is "fail" is over its limit.
    """
    verdict = assess(run, files, settings)
    failed = [check for check in verdict.checks if check.outcome == "failed"]
    if failed:
        raise DataError(_refusal(run.workspace, files, failed))
    return verdict


def assess(run: Run, files: DatasetFiles, settings: DataGateConfig) -> DataGateResult:
    """Judge like `judge`, but let everything pass.

    Args:
        run: Gives the artifacts root, where earlier runs lie.
        files: The ingested data set.
        settings: What passes, and what happens beyond.

    Returns:
        The verdict, with failed checks where there are any.
    """
    if files.inspection is None:
        raise StageError(f"The images of {files.dataset} were not inspected when they were read.")
    earlier = _last_run(run.workspace, files)
    measured = checks.measure(run.workspace, files, files.inspection, earlier)
    return DataGateResult(
        checks=tuple(
            _check(name, getattr(settings, name), measured[name])
            for name in DataGateConfig.model_fields
        ),
        compared_with=earlier.run_id if earlier else None,
        moved=drift.moves(earlier.records.ingest, files) if earlier else (),
    )


def _last_run(workspace: Workspace, files: DatasetFiles) -> RunManifest | None:
    """Read the last run of the data set, unless it was made before there was a gate."""
    last = run_folder.last(workspace, files.dataset)
    return last if last is not None and last.records.ingest.inspection is not None else None


def _check(name: str, limit: Limit, measure: Measure) -> Check:
    outcome: Literal["passed", "warned", "failed", "off"] = "passed"
    if limit.action == "off":
        outcome = "off"
    elif measure.value is not None and measure.value > limit.limit:
        outcome = "warned" if limit.action == "warn" else "failed"
    return Check(
        name=name,
        outcome=outcome,
        measured=measure.value,
        limit=limit.limit,
        sentence=measure.sentence,
    )


def _refusal(workspace: Workspace, files: DatasetFiles, failed: Sequence[Check]) -> str:
    first = failed[0]
    others = ", ".join(check.name for check in failed[1:])
    table = workspace.root / files.inspection.findings.path if files.inspection else workspace.root
    return (
        f"The data gate refuses {files.dataset}, check {first.name}: {first.sentence} Measured "
        f"{first.measured:.4g}, allowed {first.limit:g}"
        f"{f'; over their limits as well: {others}' if others else ''}. All findings are listed in "
        f"{table}; mend the data, or let it pass with --set gate.{first.name}.action=warn."
    )
