"""Between stages 1 and 2: the data gate, which may stop the run."""

import logging

from sightline.config import DataGateConfig
from sightline.data.validation import gate
from sightline.experiments import run_folder
from sightline.records import DataGateResult, DatasetFiles, Run
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import uncached_task

_log = logging.getLogger("sightline.tasks")


@uncached_task("data-gate")  # the data is compared with the last run, which changes
def check_data(
    run: Run, files: DatasetFiles, settings: DataGateConfig, checked: DataGateResult | None = None
) -> DataGateResult:
    """Check the images, or take what was checked before the flow, log warnings and show all."""
    if checked is None:
        last_run = run_folder.last(run.workspace, files.dataset)
        checked = gate.check_data(run.workspace, files, settings, last_run)
    for check in checked.checks:
        if check.outcome == "warned":
            _log.warning("Data gate, %s: %s", check.name, check.sentence)
    rows = [check.model_dump(mode="json") for check in checked.checks]
    show_table(rows, key="data-gate", description=f"Data quality of {files.dataset}")
    return checked
