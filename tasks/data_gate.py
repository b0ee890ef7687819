"""Between stages 1 and 2: the data gate, which may stop the run."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline.config import DataGateConfig
from sightline.data.validation import gate as data_gate
from sightline.records import DataGateResult, DatasetFiles, Run
from sightline.runs import run_folder
from sightline.tasks.display import display_only, show_table

_log = logging.getLogger("sightline.tasks")


@task(
    name="gate",
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # the last run that it compares with is another each time
    persist_result=False,
    result_serializer="json",
)
def gate(run: Run, files: DatasetFiles, settings: DataGateConfig) -> DataGateResult:
    """Check the images, log warnings and show the checks in Prefect."""
    last_run = run_folder.last(run.workspace, files.dataset)
    result = data_gate.check_data(run.workspace, files, settings, last_run)
    for check in result.checks:
        if check.outcome == "warned":
            _log.warning("Data gate, %s: %s", check.name, check.sentence)
    rows = [check.model_dump(mode="json") for check in result.checks]
    with display_only():
        show_table(
            rows, key="data-gate", description=f"What the images of {files.dataset} are like"
        )
    return result
