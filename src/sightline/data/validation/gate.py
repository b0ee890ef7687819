"""The data gate: check the ingested images against the configured limits."""

from collections.abc import Sequence
from typing import Literal

from sightline.config import DataGateConfig, Limit, Loss
from sightline.data.validation import checks
from sightline.data.validation.checks import Measurement
from sightline.data.validation.drift import list_changes
from sightline.errors import DataError, StageError
from sightline.records import Check, DataGateResult, DatasetFiles
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

_REMEDIES = {
    "left_out": "Convert these files to PNG or JPEG, or move them out of the data set",
    "unreadable": "Replace or remove these images",
}
"""What to do about checks whose subjects are not among the findings."""


def check_data(
    workspace: Workspace,
    files: DatasetFiles,
    settings: DataGateConfig,
    last_run: RunManifest | None,
) -> DataGateResult:
    """Run every check of the data gate and refuse data that fail one.

    Args:
        last_run: The last run of the same data set, to measure drift against; None if there
            is none. A run whose images were not inspected is ignored.

    Raises:
        DataError: A check whose action is "fail" exceeds its limit, or one its `fail_above`.
    """
    result = run_checks(workspace, files, settings, last_run)
    failed = [check for check in result.checks if check.outcome == "failed"]
    if failed:
        raise DataError(_refusal(workspace, files, settings, failed))
    return result


def run_checks(
    workspace: Workspace,
    files: DatasetFiles,
    settings: DataGateConfig,
    last_run: RunManifest | None,
) -> DataGateResult:
    """Run every check like `check_data`, but return failed checks instead of raising."""
    if files.inspection is None:
        raise StageError(f"The images of {files.dataset} were not inspected during ingest.")
    if last_run is not None and last_run.records.ingest.inspection is None:
        last_run = None
    measured = checks.measure(workspace, files, files.inspection, last_run)
    return DataGateResult(
        checks=tuple(
            _compare(name, getattr(settings, name), measured[name])
            for name in DataGateConfig.model_fields
        ),
        compared_with=last_run.run_id if last_run else None,
        changes=list_changes(last_run.records.ingest, files) if last_run else (),
    )


def _compare(name: str, limit: Limit, measurement: Measurement) -> Check:
    outcome: Literal["passed", "warned", "failed", "skipped", "off"] = "passed"
    allowed = limit.limit
    if limit.action == "off":
        outcome = "off"
    elif measurement.value is None:
        outcome = "skipped"
    elif measurement.value > limit.limit:
        outcome = "warned" if limit.action == "warn" else "failed"
        if outcome == "warned" and isinstance(limit, Loss) and measurement.value > limit.fail_above:
            outcome, allowed = "failed", limit.fail_above
    return Check(
        name=name,
        outcome=outcome,
        measured=measurement.value,
        limit=allowed,
        sentence=measurement.sentence,
    )


def _refusal(
    workspace: Workspace, files: DatasetFiles, settings: DataGateConfig, failed: Sequence[Check]
) -> str:
    first = failed[0]
    others = ", ".join(check.name for check in failed[1:])
    table = workspace.root / files.inspection.findings.path if files.inspection else workspace.root
    key = "action=warn" if getattr(settings, first.name).action == "fail" else "fail_above=1"
    remedy = _REMEDIES.get(first.name, f"All findings are listed in {table}. Fix the data")
    more = f"; other failed checks: {others}" if others else ""
    return (
        f"The data gate rejected {files.dataset} (check {first.name}): {first.sentence} Measured "
        f"{first.measured:.4g}, allowed {first.limit:g}{more}. {remedy}, or accept it with --set "
        f"data_gate.{first.name}.{key}."
    )
